//! The generator: words from a key and a counter, many blocks side by side.
//!
//! Philox 4x32-10 of J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers:
//! as easy as 1, 2, 3" (2011). Integers only, in loops over arrays which the compiler turns into
//! the level's vectors.

/// Blocks computed side by side.
pub(super) const BLOCKS: usize = 64;

/// The words of a block.
pub(super) const WORDS: usize = 4;

/// Word `w` of block `i` is `[w][i]`.
pub(super) type Words = [[u32; BLOCKS]; WORDS];

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;
const LOW: u64 = 0xFFFF_FFFF;

/// The blocks with numbers `first..first + BLOCKS` of a stream.
#[inline(always)]
pub(super) fn words(seed: u64, stream: u64, first: u64) -> Words {
    let mut words: Words = [[0; BLOCKS]; WORDS];
    // One loop over blocks with the rounds inside, so that a block stays in registers.
    for i in 0..BLOCKS {
        let block = first.wrapping_add(i as u64);
        let counter = [block & LOW, block >> 32, stream & LOW, stream >> 32];
        let block = rounds(counter, [seed as u32, (seed >> 32) as u32]);
        for (words, word) in words.iter_mut().zip(block) {
            words[i] = word as u32;
        }
    }
    words
}

/// The words of a block, each below `2^32`, in the width their products have.
#[inline(always)]
fn rounds([mut a, mut b, mut c, mut d]: [u64; WORDS], mut key: [u32; 2]) -> [u64; WORDS] {
    for _ in 0..ROUNDS {
        let (p, q) = ((a & LOW) * MULTIPLIERS[0], (c & LOW) * MULTIPLIERS[1]);
        (a, b) = ((q >> 32) ^ b ^ u64::from(key[0]), q & LOW);
        (c, d) = ((p >> 32) ^ d ^ u64::from(key[1]), p & LOW);
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with the authors' Random123.
    #[test]
    fn the_known_answers() {
        assert_eq!(rounds([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            rounds([LOW; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            rounds(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn blocks_are_numbered() {
        let together = words(7, 3, 40);
        for i in 0..BLOCKS {
            let alone = words(7, 3, 40 + i as u64);
            assert!(together.iter().zip(&alone).all(|(all, one)| all[i] == one[0]), "block {i}");
        }
    }
}
