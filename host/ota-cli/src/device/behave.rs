//! What the user decides about a run: how firmware behaves, and when the power goes.

use ota_sim::{Cut, Tear};

/// How firmware that is not healthy behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It resets itself, as panic and fault handlers do.
    Crash,
    /// It stops, and the watchdog resets it.
    Hang,
    /// It runs, but its health check fails: during a trial it gives up.
    Unhealthy,
}

/// How the firmware of a version behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behave {
    /// The version, exactly as it was packed.
    pub version: String,
    /// What it does.
    pub behaviour: Behaviour,
}

impl Behaviour {
    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl std::str::FromStr for Behave {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write VERSION=crash, VERSION=hang or VERSION=unhealthy".to_owned();
        let (version, name) = text.rsplit_once('=').ok_or_else(wrong)?;
        let all = [Behaviour::Crash, Behaviour::Hang, Behaviour::Unhealthy];
        let behaviour = all.into_iter().find(|b| b.name() == name);
        Ok(Self {
            version: version.to_owned(),
            behaviour: behaviour
                .filter(|_| !version.is_empty())
                .ok_or_else(wrong)?,
        })
    }
}

/// Parses `N`, `N:SEED` or `N:TEAR`, with the tears' names of `ota-sim`. Without a seed, N is it.
///
/// # Errors
/// A sentence for clap to show.
pub fn parse_cut(text: &str) -> Result<Cut, String> {
    let wrong = || "write N, N:SEED or N:TEAR, for instance 17, 17:3 or 17:blank-weak".to_owned();
    let (operation, tear) = text.split_once(':').unwrap_or((text, text));
    let operation: u64 = operation.parse().map_err(|_| wrong())?;
    if operation == 0 {
        return Err("operations are counted from 1".to_owned());
    }
    let tear = match tear.parse() {
        Ok(seed) => Tear::Random(seed),
        Err(_) => tear.parse().map_err(|_| wrong())?,
    };
    Ok(Cut::new(operation, tear))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviour_belongs_to_an_exact_version() {
        let behave: Behave = "1.2.0=hang".parse().unwrap();
        assert_eq!(
            (behave.version.as_str(), behave.behaviour),
            ("1.2.0", Behaviour::Hang)
        );
        for wrong in ["", "1.2.0", "=crash", "1.2.0=", "1.2.0=Crash", "crash"] {
            assert!(wrong.parse::<Behave>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_cut_has_an_operation_and_a_seed_or_a_tear() {
        assert_eq!(parse_cut("17"), Ok(Cut::new(17, Tear::Random(17))));
        assert_eq!(parse_cut("17:3"), Ok(Cut::new(17, Tear::Random(3))));
        assert_eq!(parse_cut("17:r3"), Ok(Cut::new(17, Tear::Random(3))));
        assert_eq!(parse_cut("2:blank-weak"), Ok(Cut::new(2, Tear::BlankWeak)));
        for wrong in ["", "0", "-1", "x", "1:", "1:x", ":3", "0:3"] {
            assert!(parse_cut(wrong).is_err(), "{wrong:?}");
        }
    }
}
