//! What a product may choose, and how long to wait after a fault.

/// How a download behaves. [`Config::DEFAULT`] suits a device on a cellular link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How many pieces (chunks, or pages of the digest table) one request asks for. Costs no
    /// RAM; a lost link costs at most this much traffic. 0 counts as 1.
    pub window: u32,
    /// How many faults in a row, without one piece gained between them, are put up with before
    /// the attempt ends.
    pub retries: u8,
    /// The wait after the first fault, in milliseconds; doubled after each further one.
    pub backoff_initial_ms: u32,
    /// The longest wait, in milliseconds.
    pub backoff_max_ms: u32,
    /// The longest time, in milliseconds, for an answer to begin, and then for each piece to
    /// arrive whole: a server that trickles is as useless as one that is silent.
    pub stall_timeout_ms: u32,
    /// Anything that differs between devices (a serial number, say): spreads the waits, so that
    /// a fleet does not come back to a recovering server all at once.
    pub seed: u32,
}

impl Config {
    /// 8 pieces a request, 5 retries, 1 s to 60 s of back-off, 30 s of patience.
    pub const DEFAULT: Self = Self {
        window: 8,
        retries: 5,
        backoff_initial_ms: 1_000,
        backoff_max_ms: 60_000,
        stall_timeout_ms: 30_000,
        seed: 0,
    };
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Counts the faults in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    faults: u8,
    random: u32,
}

impl Backoff {
    pub(crate) const fn new(seed: u32) -> Self {
        // xorshift stays at 0 for ever; an odd constant keeps neighbouring seeds apart.
        let random = seed.wrapping_mul(0x9E37_79B9) ^ 0x85EB_CA6B;
        Self {
            faults: 0,
            random: if random == 0 { 1 } else { random },
        }
    }

    /// A piece was gained: the next fault is the first again.
    pub(crate) const fn progress(&mut self) {
        self.faults = 0;
    }

    /// How many milliseconds to wait before the next try; `None` when it is enough.
    pub(crate) fn fault(&mut self, config: &Config) -> Option<u32> {
        if self.faults >= config.retries {
            return None;
        }
        let full = config
            .backoff_initial_ms
            .saturating_mul(1u32.checked_shl(self.faults.into()).unwrap_or(u32::MAX))
            .min(config.backoff_max_ms);
        self.faults += 1;
        // Half of it certain, half of it random: never too soon, never all at once.
        let half = full / 2;
        Some(full - half + self.next_random() % (half + 1))
    }

    fn next_random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn waits_double_stay_between_half_and_whole_and_end() {
        let config = Config {
            retries: 10,
            ..Config::DEFAULT
        };
        for seed in 0..200 {
            let mut backoff = Backoff::new(seed);
            let mut whole = 1_000;
            for _ in 0..10 {
                let wait = backoff.fault(&config).expect("retries are left");
                assert!((whole / 2..=whole).contains(&wait), "{wait} of {whole}");
                whole = (whole * 2).min(60_000);
            }
            assert_eq!(backoff.fault(&config), None);
        }
    }

    #[test]
    fn progress_makes_the_next_fault_the_first() {
        let config = Config {
            retries: 1,
            ..Config::DEFAULT
        };
        let mut backoff = Backoff::new(7);
        assert!(backoff.fault(&config).is_some());
        backoff.progress();
        assert!(backoff.fault(&config).is_some_and(|wait| wait <= 1_000));
        assert_eq!(backoff.fault(&config), None);
    }

    #[test]
    fn devices_do_not_come_back_together() {
        let waits: std::collections::HashSet<_> = (0..100)
            .map(|seed| Backoff::new(seed).fault(&Config::DEFAULT))
            .collect();
        assert!(waits.len() > 80, "{} different waits", waits.len());
    }

    #[test]
    fn extreme_settings_do_not_overflow() {
        let config = Config {
            retries: u8::MAX,
            backoff_initial_ms: u32::MAX,
            backoff_max_ms: u32::MAX,
            ..Config::DEFAULT
        };
        let mut backoff = Backoff::new(u32::MAX);
        let mut count = 0u32;
        while backoff.fault(&config).is_some() {
            count += 1;
        }
        assert_eq!(count, 255);
    }
}
