
#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::for_each_level;

    #[test]
    fn every_number_survives() {
        for bits in 0..=u16::MAX {
            let number = Bf16::from_bits(bits);
            let wide = number.to_f32();
            let expected = if wide.is_nan() { bits | 0x40 } else { bits };
            assert_eq!(Bf16::from_f32(wide).to_bits(), expected, "{bits:#06x}");
            // What the bits say, in f64: a sign, an exponent and a fraction.
            let (exponent, fraction) = (i32::from(bits >> 7 & 0xff), f64::from(bits & 0x7f));
            let magnitude = match exponent {
                0xff => continue,
                0 => fraction * 2_f64.powi(-133),
                _ => (128.0 + fraction) * 2_f64.powi(exponent - 134),
            };
            let value = if bits >> 15 == 1 { -magnitude } else { magnitude };
            assert_eq!(f64::from(wide), value, "{bits:#06x}");
            assert_eq!(wide.is_sign_negative(), bits >> 15 == 1);
        }
    }

    /// The nearest by looking: of the two numbers around `x` the nearer, of a tie the even.
    fn nearest(x: f32) -> u16 {
        let below = (x.to_bits() >> 16) as u16;
        // Beyond the largest finite number comes what would be next, `2^128`.
        let value = |bits: u16| match bits & 0x7fff {
            0x7f80 => 2_f64.powi(128),
            _ => f64::from(f32::from_bits(u32::from(bits) << 16).abs()),
        };
        let (low, high) = (value(below), value(below + 1));
        let x = f64::from(x.abs());
        let up = x - low > high - x || (x - low == high - x && below % 2 == 1);
        below + u16::from(up)
    }

    fn check(bits: u32, got: Bf16) {
        let x = f32::from_bits(bits);
        if x.is_nan() {
            assert!(got.to_f32().is_nan(), "{bits:#010x}");
            assert_eq!(got.to_f32().is_sign_negative(), x.is_sign_negative());
        } else if x.is_infinite() {
            assert_eq!(got.to_f32(), x);
        } else {
            assert_eq!(got.to_bits(), nearest(x), "{bits:#010x}");
        }
    }

    #[test]
    fn rounding_is_to_the_nearest() {
        // Every bit pattern's neighbourhood of a tie, and a stride that meets all low halves.
        for high in 0..=u32::from(u16::MAX) {
            for low in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
                let bits = high << 16 | low;
                check(bits, Bf16::from_f32(f32::from_bits(bits)));
            }
        }
        for bits in (0..=u32::MAX).step_by(509) {
            check(bits, Bf16::from_f32(f32::from_bits(bits)));
        }
    }

    #[test]
    fn slices_are_converted_as_numbers_are() {
        let bits = (0..=u32::MAX).step_by(65_521);
        let x: Vec<f32> = bits.map(f32::from_bits).collect();
        for_each_level(|_| {
            let mut halves = vec![Bf16::default(); x.len()];
            narrow(&x, &mut halves);
            let mut back = vec![0.0; x.len()];
            widen(&halves, &mut back);
            for ((&x, half), back) in x.iter().zip(&halves).zip(back) {
                assert_eq!(half.to_bits(), Bf16::from_f32(x).to_bits());
                assert_eq!(back.to_bits(), half.to_f32().to_bits());
            }
        });
    }
}
