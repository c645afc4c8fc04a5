//! Wi-Fi, and embassy-net on top of it.

use embassy_executor::Spawner;
use embassy_net::{DhcpConfig, Stack, StackResources};
use embassy_time::{Duration, Timer};
use esp_hal::peripherals::WIFI;
use esp_hal::rng::Rng;
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{
    AuthenticationMethodConfig, Config, ControllerConfig, Interface, WifiController,
};
use static_cell::StaticCell;

use crate::settings;

/// Sockets: one each for HTTP, DNS and DHCP.
const SOCKETS: usize = 3;

/// Starts radio and stack, which run on their own from here on: what breaks is connected again.
pub(crate) fn start(spawner: Spawner, wifi: WIFI<'static>) -> Stack<'static> {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    let mut controller = match WifiController::new(wifi, ControllerConfig::default()) {
        Ok(controller) => controller,
        Err(error) => panic!("no Wi-Fi: {error:?}"),
    };
    if let Err(error) = controller.set_config(&station()) {
        panic!("WIFI_SSID, WIFI_PASSWORD: {error:?}");
    }
    let config = embassy_net::Config::dhcpv4(DhcpConfig::default());
    let resources = RESOURCES.init(StackResources::new());
    let rng = Rng::new();
    let seed = u64::from(rng.random()) << 32 | u64::from(rng.random());
    let (stack, runner) = embassy_net::new(Interface::station(), config, resources, seed);
    spawner.spawn(stay_connected(controller).expect("spawned once"));
    spawner.spawn(run_stack(runner).expect("spawned once"));
    stack
}

/// The network to be in.
fn station() -> Config {
    let (Ok(network), Ok(password)) = (settings::NETWORK.try_into(), settings::PASSWORD.try_into())
    else {
        panic!("WIFI_SSID or WIFI_PASSWORD is too long");
    };
    let access = AuthenticationMethodConfig::Wpa2Personal(password);
    let station = StationConfig::default().with_ssid(network);
    Config::Station(station.with_authentication(access))
}

#[embassy_executor::task]
async fn stay_connected(mut controller: WifiController<'static>) -> ! {
    loop {
        match controller.connect_async().await {
            Ok(_) => {
                defmt::info!("Wi-Fi: connected");
                let _ = controller.wait_for_disconnect_async().await;
                defmt::warn!("Wi-Fi: connection lost");
            }
            Err(error) => defmt::warn!("Wi-Fi: {}", defmt::Debug2Format(&error)),
        }
        Timer::after(Duration::from_secs(5)).await;
    }
}

#[embassy_executor::task]
async fn run_stack(mut runner: embassy_net::Runner<'static, Interface>) -> ! {
    runner.run().await
}
