//! Functions that programs call.

/// Sums words up. r0: where they are, r1: how many, r2: where the sum goes, with the key behind it.
/// `each` is done for each word, with r5 to itself, and r6.
pub(crate) fn sum(each: &[u16]) -> Vec<u16> {
    let mut code = vec![
        0xB570, // push {r4, r5, r6, lr}
        0x2300, // movs r3, #0
        0x6804, // 1: ldr r4, [r0]
        0x191B, // adds r3, r3, r4
        0x3004, // adds r0, #4
    ];
    code.extend_from_slice(each);
    code.push(0x3901); // subs r1, #1
    let back = i16::try_from(code.len()).expect("it is short");
    code.push(0xD100 | u16::from((-back).to_le_bytes()[0])); // bne 1b
    code.extend([
        0x6850, // ldr r0, [r2, #4]
        0x4043, // eors r3, r0
        0x6013, // str r3, [r2]
        0xBD70, // pop {r4, r5, r6, pc}
    ]);
    code
}

/// Calls the function at r4, and leaves another key, plus one, behind it.
pub(crate) const CALLER: [u16; 6] = [
    0xB520, // push {r5, lr}
    0x47A0, // blx r4
    0x6895, // ldr r5, [r2, #8]
    0x1C6D, // adds r5, r5, #1
    0x60D5, // str r5, [r2, #12]
    0xBD20, // pop {r5, pc}
];

pub(crate) fn bytes(code: &[u16]) -> Vec<u8> {
    code.iter().flat_map(|op| op.to_le_bytes()).collect()
}
