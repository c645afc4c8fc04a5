#!/usr/bin/env python3
"""Records what single instructions do on the RV32 of Unicorn, another emulator.

    pip install unicorn==2.1.4
    python3 record_riscv.py

writes riscv.txt. A line is a case: the instruction, the seed that the registers before it are
made from, and what it changed, or `illegal`. `src/esp32c3/cpu/tests.rs` makes the same registers
from the seed; the two must be changed together.
"""
import random
import struct

from unicorn import UC_ARCH_RISCV, UC_MODE_RISCV32, Uc, UcError
from unicorn.riscv_const import *

from record import CODE, DATA, RAM, Values, ram

X = [UC_RISCV_REG_X0 + i for i in range(32)]
# LUI, AUIPC, JAL, JALR, branches, loads, stores, immediates, registers.
OPCODES = [0x37, 0x17, 0x6F, 0x67, 0x63, 0x03, 0x23, 0x13, 0x13, 0x33, 0x33]


class Recorder:
    def __init__(self):
        self.uc = Uc(UC_ARCH_RISCV, UC_MODE_RISCV32)
        self.uc.mem_map(RAM, 0x4000)

    def run(self, instruction, width, seed):
        """What the instruction changed, None if it faults otherwise than by being illegal."""
        uc, values = self.uc, Values(seed)
        before = [0] + [values.integer() for _ in X[1:]]
        uc.mem_write(RAM, ram())
        uc.mem_write(CODE, struct.pack("<I", instruction) + b"\x01\x00" * 16)
        for register, value in zip(X, before):
            uc.reg_write(register, value)
        uc.ctl_remove_cache(CODE, CODE + 64)
        try:
            uc.emu_start(CODE, 0xFFFFFFFF, count=1)
        except UcError as error:
            return "illegal" if error.errno in (10, 21) else None
        changes = []

        def note(name, old, new):
            if old != new:
                changes.append(f"{name}={new:x}")

        for i, register in enumerate(X):
            note(f"x{i}", before[i], uc.reg_read(register))
        note("pc", CODE + width, uc.reg_read(UC_RISCV_REG_PC))
        old, new = ram(), bytes(uc.mem_read(RAM, DATA))
        for at in range(0, DATA, 4):
            words = [struct.unpack_from("<I", memory, at)[0] for memory in (old, new)]
            note(f"m{at:x}", *words)
        return " ".join(changes)


def comparable(half):
    """Not floating point, which Unicorn has; nor what is reserved, which it takes and ignores."""
    kind, upper = (half & 3, half >> 13), half >> 12 & 1
    if kind in [(0, 1), (0, 3), (0, 4), (0, 5), (0, 7), (2, 1), (2, 3), (2, 5), (2, 7)]:
        return False
    if upper and (kind == (2, 0) or kind == (1, 4) and half >> 10 & 3 != 2):
        return False
    return half & 3 != 3 and half != 0x9002


def compressed(rnd):
    while True:
        half = rnd.randrange(0x10000)
        if comparable(half):
            return half, 2


def full(rnd):
    word = rnd.getrandbits(32) & ~0x7F | rnd.choice(OPCODES)
    kind = word & 0x7F
    if kind == 0x33 or kind == 0x13 and word >> 12 & 3 == 1:
        # Mostly legal: the upper seven bits say which of a kind.
        variant = rnd.choice([0, 0x20, 1, rnd.getrandbits(7)] if kind == 0x33 else [0, 0x20, rnd.getrandbits(7)])
        word = word & 0x01FFFFFF | variant << 25
    return word, 4


def main():
    recorder = Recorder()
    rnd = random.Random("riscv")
    lines = []
    for group, count in [(full, 2000), (compressed, 1000)]:
        done = 0
        while done < count:
            instruction, width = group(rnd)
            seed = rnd.randrange(1, 1 << 32)
            changes = recorder.run(instruction, width, seed)
            if changes is not None:
                done += 1
                lines.append(f"{instruction:0{2 * width}x} {seed:08x} {changes}".rstrip() + "\n")
    with open("riscv.txt", "w") as file:
        file.writelines(lines)
    print(len(lines))


if __name__ == "__main__":
    main()
