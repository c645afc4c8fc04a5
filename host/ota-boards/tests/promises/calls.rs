//! Calls that boards pass because another one has executed them.

use ota_boards::bench::{self, Bench};
use ota_boards::firmware::Behaviour;
use ota_boards::server::Shop;

use crate::common::{LIMIT, Told, good, life};

/// The life that most stories begin with, lived once more: what is passed is executed as well, and a
/// difference is a panic.
pub(crate) fn are_what_executing_them_comes_to<B: Told>() -> anyhow::Result<()> {
    life::<B>()?;
    let shop = Shop::<B>::open()?;
    shop.publish(good::<B>("1.1.0")?.as_bytes())?;
    let mut board = bench::board::<B>(&good::<B>("1.0.0")?, "1.0.0")?;
    bench::knows::<B>(&mut board, "1.1.0", Behaviour::Healthy)?;
    shop.plug_in(&mut board);
    board.compare_calls();
    bench::until(&mut board, "confirmed", LIMIT)?;
    let compared = <B as Bench>::calls().compared();
    // How many there are depends on when a server's bytes arrive.
    assert_ne!(compared, 0, "none was passed");
    Ok(())
}
