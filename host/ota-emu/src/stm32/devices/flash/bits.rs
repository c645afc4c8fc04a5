//! The bits of the flash interface's registers.

/// Bits of SR.
pub(super) mod status {
    pub(in super::super) const EOP: u32 = 1;
    pub(in super::super) const OPERR: u32 = 1 << 1;
    pub(in super::super) const PROGERR: u32 = 1 << 3;
    pub(in super::super) const WRPERR: u32 = 1 << 4;
    pub(in super::super) const PGAERR: u32 = 1 << 5;
    pub(in super::super) const SIZERR: u32 = 1 << 6;
    pub(in super::super) const PGSERR: u32 = 1 << 7;
    pub(in super::super) const ERRORS: u32 = 0xC3FA;
    pub(in super::super) const BSY: u32 = 1 << 16;
}

/// Bits of CR.
pub(super) mod control {
    pub(in super::super) const PG: u32 = 1;
    pub(in super::super) const PER: u32 = 1 << 1;
    pub(in super::super) const MER1: u32 = 1 << 2;
    pub(in super::super) const BKER: u32 = 1 << 11;
    pub(in super::super) const MER2: u32 = 1 << 15;
    pub(in super::super) const STRT: u32 = 1 << 16;
    pub(in super::super) const OPTSTRT: u32 = 1 << 17;
    pub(in super::super) const FSTPG: u32 = 1 << 18;
    pub(in super::super) const EOPIE: u32 = 1 << 24;
    pub(in super::super) const ERRIE: u32 = 1 << 25;
    pub(in super::super) const OBL_LAUNCH: u32 = 1 << 27;
    pub(in super::super) const OPTLOCK: u32 = 1 << 30;
    pub(in super::super) const LOCK: u32 = 1 << 31;
    /// What is done by hardware once the flash is busy no more.
    pub(in super::super) const STARTS: u32 = STRT | OPTSTRT | OBL_LAUNCH;
    pub(in super::super) const LOCKS: u32 = LOCK | OPTLOCK;
}

/// Bits of ECCR.
pub(super) mod ecc {
    pub(in super::super) const BANK2: u32 = 1 << 19;
    pub(in super::super) const INTERRUPT: u32 = 1 << 24;
    pub(in super::super) const CORRECTED: u32 = 1 << 30;
    pub(in super::super) const DETECTED: u32 = 1 << 31;
}
