//! The generator: words from a key and a counter, many blocks side by side.
//!
//! Philox 4x32-10 of J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers:
//! as easy as 1, 2, 3" (2011). Integers only, in loops over arrays which the compiler turns into the
//! level's vectors.

/// Blocks computed side by side.
pub(super) const BLOCKS: usize = 16;

/// The words of a block.
pub(super) const WORDS: usize = 4;

/// Word `w` of block `i` is `[w][i]`; below `2^32`, in the width their products have.
pub(super) type Words = [[u64; BLOCKS]; WORDS];

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;
const LOW: u64 = 0xFFFF_FFFF;

/// The blocks with numbers `first..first + BLOCKS` of a stream.
#[inline(always)]
pub(super) fn words(seed: u64, stream: u64, first: u64) -> Words {
    let mut words: Words = [[0; BLOCKS]; WORDS];
    for i in 0..BLOCKS {
        let block = first.wrapping_add(i as u64);
        words[0][i] = block & LOW;
        words[1][i] = block >> 32;
        words[2][i] = stream & LOW;
        words[3][i] = stream >> 32;
    }
    rounds(words, [seed as u32, (seed >> 32) as u32])
}

#[inline(always)]
fn rounds(mut words: Words, mut key: [u32; 2]) -> Words {
    for _ in 0..ROUNDS {
        let [k0, k1] = key.map(u64::from);
        for i in 0..BLOCKS {
            let [a, b, c, d] = [words[0][i], words[1][i], words[2][i], words[3][i]];
            let (p, q) = (a * MULTIPLIERS[0], c * MULTIPLIERS[1]);
            words[0][i] = (q >> 32) ^ b ^ k0;
            words[1][i] = q & LOW;
            words[2][i] = (p >> 32) ^ d ^ k1;
            words[3][i] = p & LOW;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with the authors' Random123.
    #[test]
    fn the_known_answers() {
        let run = |counter: [u64; 4], key| {
            let words = rounds(counter.map(|word| [word; BLOCKS]), key);
            std::array::from_fn::<u64, 4, _>(|w| words[w][BLOCKS - 1])
        };
        assert_eq!(run([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            run([LOW; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            run([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn blocks_are_numbered() {
        let together = words(7, 3, 40);
        for i in 0..BLOCKS {
            let alone = words(7, 3, 40 + i as u64);
            for w in 0..WORDS {
                assert_eq!(together[w][i], alone[w][0]);
            }
        }
    }
}
