//! Packing files, and what is said of them.

use ota_cli::package::Package;

use crate::bench::{Bench, Outcome};

/// Where slot 0 of these maps begins.
pub(crate) const SLOTS: [(&str, u32); 3] = [
    ("rp2040", 0x1002_0000),
    ("stm32l476", 0x0802_0000),
    ("stm32l476-dual-bank", 0x0801_0000),
];

/// A folder in which one file after the other is packed.
pub(crate) struct Desk(pub(crate) Bench);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(Bench::new())
    }

    fn args<'a>(file: &'a str, map: &'a str, more: &'a str) -> Vec<&'a str> {
        let fixed = "-o app.ota --version 1 --counter 1 --vendor v --class c";
        let mut args = vec!["pack", file];
        if !map.is_empty() {
            args.extend(["--map", map]);
        }
        args.extend(fixed.split(' ').chain(more.split_whitespace()));
        args
    }

    pub(crate) fn run(&self, bytes: &[u8], map: &str, more: &str) -> Outcome {
        self.0.write("app", bytes);
        self.0.run(&Self::args("app", map, more))
    }

    /// What was packed, without a word about it or with these.
    #[track_caller]
    pub(crate) fn packed(&self, bytes: &[u8], map: &str, more: &str, remarks: &[&str]) -> Vec<u8> {
        self.0.write("app", bytes);
        self.0.warned(&Self::args("app", map, more), remarks);
        let package = Package::load(&self.0.path("app.ota")).unwrap();
        std::fs::remove_file(self.0.path("app.ota")).unwrap();
        package.payload().unwrap().to_vec()
    }

    #[track_caller]
    pub(crate) fn refused(&self, bytes: &[u8], map: &str, more: &str, reasons: &[&str]) {
        self.0.write("app", bytes);
        let said = self.0.refused(&Self::args("app", map, more), "app: ");
        for reason in reasons {
            assert!(said.contains(reason), "{reason}: {said}");
        }
        for misleading in ["make it smaller", "chunk-size"] {
            assert!(!said.contains(misleading), "{said}");
        }
        assert!(!self.0.files().contains(&"app.ota".into()));
    }
}
