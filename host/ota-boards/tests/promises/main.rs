//! What the example firmware promises, on its boards: as it is, against the real server. One test
//! binary, so that each firmware is built once, and what the stories have in common is run once.
//!
//! A story is a function for any board; a board is a line here, and tells all of them.

mod calls;
mod common;
mod downloads;
mod failures;
mod protection;
mod refusals;
mod sources;
mod updates;

/// One board, in a module of its own, and what it promises.
macro_rules! board {
    ($name:ident, $bench:ty, $($module:ident::$story:ident => $promise:ident),+ $(,)?) => {
        mod $name {
            use std::sync::OnceLock;

            use crate::common::{Life, Told};

            impl Told for $bench {
                fn life() -> &'static OnceLock<Result<Life<Self>, String>> {
                    static LIFE: OnceLock<Result<Life<$bench>, String>> = OnceLock::new();
                    &LIFE
                }
            }

            $(
                #[test]
                fn $promise() -> anyhow::Result<()> {
                    crate::$module::$story::<$bench>()
                }
            )+
        }
    };
}

/// What every board promises, and what else this one does.
macro_rules! whole_board {
    ($name:ident, $bench:ty $(, $more:ident::$story:ident => $promise:ident)*) => {
        board! {
            $name,
            $bench,
            updates::is_downloaded_installed_tried_and_confirmed
                => an_update_is_downloaded_installed_tried_and_confirmed,
            downloads::goes_on_after_power_cuts_and_fetches_nothing_verified_again
                => a_download_goes_on_after_power_cuts_and_nothing_verified_is_fetched_again,
            failures::a_crash_is_rolled_back_after_its_attempts
                => a_release_that_crashes_is_rolled_back_after_its_attempts,
            failures::a_hang_is_caught_by_the_watchdog_and_rolled_back
                => a_release_that_hangs_is_caught_by_the_watchdog_and_rolled_back,
            failures::a_release_without_its_server_is_rolled_back
                => a_release_that_never_reaches_its_server_is_rolled_back,
            refusals::stolen_signatures_are_refused_by_the_envelope
                => a_release_under_stolen_signatures_is_refused_by_its_envelope,
            refusals::a_downgrade_is_refused_by_its_envelope
                => a_downgrade_is_refused_by_its_envelope,
            refusals::below_the_floor_is_refused_by_its_envelope
                => a_release_below_the_floor_is_refused_by_its_envelope,
            refusals::a_chunk_changed_on_the_server_is_never_written
                => a_chunk_that_was_changed_on_the_server_is_never_written,
            calls::are_what_executing_them_comes_to
                => each_call_of_an_update_that_is_passed_is_what_executing_it_comes_to,
            sources::is_what_the_readme_builds_byte_for_byte
                => the_firmware_on_the_board_is_what_the_readme_builds_byte_for_byte,
            $($more::$story => $promise,)*
        }
    };
}

whole_board!(
    rp2040,
    ota_boards::rp2040::Rp2040,
    updates::a_power_cut_in_the_swap_costs_nothing_but_time
        => a_power_cut_in_the_swap_costs_nothing_but_time,
    protection::is_left_alone_by_an_update
        => an_update_never_writes_the_status_register_of_the_flash
);
whole_board!(
    stm32,
    ota_boards::stm32::Stm32,
    updates::a_power_cut_in_the_swap_costs_nothing_but_time
        => a_power_cut_in_the_swap_costs_nothing_but_time
);
whole_board!(
    esp32c3,
    ota_boards::esp32c3::Esp32c3,
    failures::an_image_over_its_loader_is_not_loaded_and_rolled_back
        => an_image_over_its_loader_is_not_loaded_and_rolled_back,
    protection::is_left_alone_by_an_update
        => an_update_never_writes_the_status_register_of_the_flash,
    protection::is_lifted_once_by_an_application
        => a_flash_that_protects_itself_is_unlocked_once_by_the_application,
    protection::is_lifted_once_by_a_bootloader
        => a_flash_that_protects_itself_is_unlocked_once_by_the_bootloader,
    protection::torn_by_a_power_cut_is_lifted_again
        => a_flash_whose_unlocking_was_cut_is_unlocked_again
);

// Variants of these, of which only what differs is told.
board!(
    stm32_ethernet,
    ota_boards::stm32::Stm32Ethernet,
    updates::is_downloaded_installed_tried_and_confirmed
        => an_update_is_downloaded_installed_tried_and_confirmed
);
board!(
    stm32_dual_bank,
    ota_boards::stm32::Stm32DualBank,
    updates::is_downloaded_installed_tried_and_confirmed
        => an_update_is_downloaded_installed_tried_and_confirmed,
    failures::a_crash_is_rolled_back_after_its_attempts
        => a_release_that_crashes_is_rolled_back_after_its_attempts
);
