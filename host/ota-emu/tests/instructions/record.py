#!/usr/bin/env python3
"""Records what single instructions do on the Cortex-M4 of Unicorn, another emulator.

    pip install unicorn==2.1.4 capstone==5.0.7
    python3 record.py

writes one file for each group below. A line is a case: the two halves of the instruction, the
seed that the registers before it are made from, and what it changed. `src/stm32/cpu/tests.rs`
makes the same registers from the seed; the two must be changed together.
"""
import random
import struct

from capstone import CS_ARCH_ARM, CS_MODE_MCLASS, CS_MODE_THUMB, Cs
from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn.arm_const import *

RAM, CODE, DATA = 0x20000000, 0x20002000, 0x1000
R = [UC_ARM_REG_R0 + i for i in range(13)] + [UC_ARM_REG_SP, UC_ARM_REG_LR]
S = [UC_ARM_REG_S0 + i for i in range(32)]
INTEGERS = [0, 1, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x8000, 0xFFFF, 0x7F, 0x80]
FLOATS = [0, 0x80000000, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000]
# What is not comparable: hints, system registers, exclusives, other coprocessors.
SKIP = ("svc udf bkpt wfi wfe sev it msr mrs hlt yield tt ldrex strex clrex mcr mrc cdp ldc stc "
        "lda stl sg bxns blxns dbg pl setend").split()


class Values:
    """xorshift32: what fills the registers."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        x = self.state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self.state = x
        return x

    def integer(self):
        kind = self.next() % 20
        if kind < 8:
            return RAM + 0x400 + self.next() % 512 * 4
        if kind < 11:
            return self.next() % 40
        if kind < 14:
            return INTEGERS[self.next() % len(INTEGERS)]
        return self.next()

    def float(self):
        kind = self.next() % 20
        if kind < 3:
            return FLOATS[self.next() % len(FLOATS)]
        exponent = 107 + self.next() % 50
        return self.next() & 0x807FFFFF | exponent << 23


def ram():
    return bytes((i * 2654435761 & 0xFFFFFFFF) >> 13 & 0xFF for i in range(DATA))


class Recorder:
    def __init__(self):
        self.uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
        self.uc.mem_map(RAM, 0x3000)
        self.nops = b"\x00\xbf" * 0x800

    def run(self, first, second, seed):
        """What the instruction changed, or None if it faults."""
        uc, values = self.uc, Values(seed)
        before = [values.integer() for _ in R]
        before[13] = RAM + 0x400 + values.next() % 256 * 8
        flags = values.next() & 0xF8000000
        singles = [values.float() for _ in S]
        uc.mem_write(RAM, ram())
        uc.mem_write(CODE, struct.pack("<HH", first, second) + self.nops[4:])
        for register, value in zip(R + S, before + singles):
            uc.reg_write(register, value)
        uc.reg_write(UC_ARM_REG_XPSR, flags | 1 << 24)
        uc.reg_write(UC_ARM_REG_FPSCR, 0)
        uc.reg_write(UC_ARM_REG_PRIMASK, seed & 1)
        uc.reg_write(UC_ARM_REG_FAULTMASK, seed >> 1 & 1)
        uc.ctl_remove_cache(CODE, CODE + 16)
        try:
            uc.emu_start(CODE | 1, 0xFFFFFFFF, count=1)
        except UcError:
            return None
        changes = []

        def note(name, old, new):
            if old != new:
                changes.append(f"{name}={new:x}")

        for i, register in enumerate(R):
            note(f"r{i}", before[i], uc.reg_read(register))
        width = 4 if first >= 0xE800 else 2
        note("pc", CODE + width, uc.reg_read(UC_ARM_REG_PC) & ~1)
        note("flags", flags, uc.reg_read(UC_ARM_REG_XPSR) & 0xF8000000)
        for i, register in enumerate(S):
            note(f"s{i}", singles[i], uc.reg_read(register))
        note("fpscr", 0, uc.reg_read(UC_ARM_REG_FPSCR) & 0xF0000000)
        note("primask", seed & 1, uc.reg_read(UC_ARM_REG_PRIMASK))
        note("faultmask", seed >> 1 & 1, uc.reg_read(UC_ARM_REG_FAULTMASK))
        old, new = ram(), bytes(uc.mem_read(RAM, DATA))
        for at in range(0, DATA, 4):
            words = [struct.unpack_from("<I", memory, at)[0] for memory in (old, new)]
            note(f"m{at:x}", *words)
        return " ".join(changes)


def cps(rnd):
    return rnd.choice([0xB661, 0xB662, 0xB663, 0xB671, 0xB672, 0xB673]), 0xBF00


def pack(rnd):
    return 0xEAC0 | rnd.randrange(13), rnd.getrandbits(16) & 0x70E0 | rnd.randrange(13) << 8 | rnd.randrange(13)


def parallel(rnd):
    kind = rnd.choice([1, 2, 5, 6]) << 4
    return 0xFA80 | rnd.getrandbits(1) << 6 | rnd.randrange(13), 0xF000 | kind | rnd.randrange(13) << 8 | rnd.randrange(13)


def doubles(rnd):
    first = rnd.choice([0xEC00, 0xED00, 0xEE00]) | rnd.getrandbits(8)
    second = rnd.getrandbits(16) & 0xF0FF | 0x0B00
    if first >> 8 == 0xEE:
        first, second = first & 0xFF3F, second & 0xF000 | 0x0B10
    return first & ~0x40 if first & 0xFFE0 != 0xEC40 else first, second


def integers(rnd):
    if rnd.random() < 0.3:
        return rnd.randrange(0xE800), 0xBF00
    first = rnd.randrange(0xE800, 0x10000)
    return (first, rnd.getrandbits(16)) if first & 0xEC00 != 0xEC00 else integers(rnd)


def floats(rnd):
    return rnd.choice([0xEE00, 0xEE00, 0xED00, 0xEC00]) | rnd.getrandbits(8), 0x0A00 | rnd.getrandbits(16) & 0xF0FF


def usable(disassembler, first, second):
    decoded = next(disassembler.disasm(struct.pack("<HH", first, second), CODE), None)
    if decoded is None:
        return False
    if first & 0xFE40 == 0xE840 and first & 15 == 15:
        return False  # LDRD and STRD on PC with write-back: unpredictable
    if first & 0xFF10 == 0xF900:
        return False  # vector loads and stores, which Unicorn does and the chip has not
    if first & 0xF800 == 0xF000 and second & 0x8F00 == 0x0F00 and first >> 5 & 15 not in (0, 4, 8, 13):
        return False  # a result to PC: unpredictable
    if first & 0xFE00 == 0xEC00 and first & 0xFF20 != 0xED00 and second & 0x0F01 == 0x0B01:
        return False  # an odd number of words for D registers: deprecated
    if decoded.mnemonic.startswith("vcvt") and ("#" in decoded.op_str or "16" in decoded.mnemonic):
        return False  # fixed point and half precision, which the core does not have
    return not decoded.mnemonic.startswith(tuple(SKIP))


def main():
    disassembler = Cs(CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_MCLASS)
    recorder = Recorder()
    groups = [(cps, 24), (pack, 150), (parallel, 300), (doubles, 400), (integers, 1200), (floats, 500)]
    for group, count in groups:
        rnd = random.Random(group.__name__)
        lines = []
        while len(lines) < count:
            first, second = group(rnd)
            seed = rnd.randrange(1, 1 << 32)
            if not usable(disassembler, first, second):
                continue
            changes = recorder.run(first, second, seed)
            if changes is not None:
                lines.append(f"{first:04x} {second:04x} {seed:08x} {changes}".rstrip() + "\n")
        with open(f"{group.__name__}.txt", "w") as file:
            file.writelines(lines)
        print(group.__name__, len(lines))


if __name__ == "__main__":
    main()
