//! Writes the seeds anew: `cargo run --no-default-features --example seeds`. Inputs that were
//! added by hand, such as those of crashes, stay.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let seeds = ota_fuzz::seeds::all();
    for (target, name, bytes) in &seeds {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("seeds")
            .join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)?;
    }
    println!("{} seeds", seeds.len());
    Ok(())
}
