//! The feature `ethernet`: a W5500 on SPI1 in place of the serial line.

use anyhow::{Result, ensure};
use ota_boards::rp2040::Shop;

use crate::firmware::{Variant, until};

const VARIANT: Variant = Variant {
    features: ["nucleo-l476rg", "ethernet"],
    product: stm32_product::PRODUCT,
    map: "stm32l476",
};

#[test]
fn an_update_over_ethernet_is_swapped_in_tried_and_confirmed() -> Result<()> {
    let first = VARIANT.release("1.0.0", "healthy", 100)?;
    let second = VARIANT.release("1.1.0", "healthy", 110)?;
    let shop = Shop::open()?;
    shop.publish(second.package.as_bytes())?;
    let mut board = VARIANT.board(&first)?;
    board.attach_network(shop.forwards());
    until(
        &mut board,
        &[
            "version 1.0.0",
            "looking for an update",
            "staged; resetting",
            "version 1.1.0",
            "on trial",
            "confirmed",
            "up to date",
        ],
    )?;
    ensure!(!shop.heard().is_empty());
    let slot = VARIANT.product.map.layout().slots[0].offset as usize;
    ensure!(board.flash().bytes()[slot..].starts_with(second.package.payload()?));
    Ok(())
}
