//! [`Augment`]: random changes of the images of a batch.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use wengert_autodiff::{Element, Error, Result, Tensor};

/// Random changes of images: a horizontal flip, a rotation, a shift (a crop of the padded image)
/// and Gaussian noise, in this order. Each image of a batch has its own random numbers, from the
/// caller's generator, so that a seed determines all changes.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::Tensor;
/// use wengert_nn::data::Augment;
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let images = Tensor::<f32>::ones([16, 3, 32, 32]);
/// let augment = Augment::new().flip(0.5).rotate(15.0).crop(4).noise(0.01);
/// let changed = augment.apply(&images, &mut rng)?;
/// assert_eq!(changed.shape(), images.shape());
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "RandomHorizontalFlip")]
#[doc(alias = "RandomCrop")]
#[doc(alias = "RandomRotation")]
pub struct Augment {
    flip: f64,
    degrees: f64,
    padding: usize,
    noise: f64,
}

impl Augment {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mirrors an image left to right with this probability, in 0..=1.
    pub fn flip(self, probability: f64) -> Self {
        Self { flip: probability, ..self }
    }

    /// Rotates an image about its centre by an angle that is uniform in `-degrees..=degrees`, at
    /// most 180. Pixels are interpolated linearly, and are zero beyond the edges of the image.
    pub fn rotate(self, degrees: f64) -> Self {
        Self { degrees, ..self }
    }

    /// Pads an image by this number of zeros on each side, and cuts an image of the original size
    /// out of it at a random place. The number is below height and width.
    pub fn crop(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// Adds noise with a normal distribution of this standard deviation to each element.
    pub fn noise(self, std: f64) -> Self {
        Self { noise: std, ..self }
    }

    /// Returns the changed images.
    ///
    /// # Shapes
    /// `[n, c, h, w]`, as the result. All channels of an image are flipped, rotated and shifted
    /// alike.
    ///
    /// # Errors
    /// If the images have another shape, a setting is outside its range, or there is no memory for
    /// the result.
    pub fn apply<E: Element>(&self, images: &Tensor<E>, rng: &mut impl Rng) -> Result<Tensor<E>> {
        let &[count, channels, height, width] = images.shape().dims() else {
            let expected = "images [n, c, h, w]".to_owned();
            return Err(Error::Shapes { op: OP, expected, got: vec![images.shape().clone()] });
        };
        self.check::<E>(count, [height, width])?;
        let mut out = images.try_contiguous()?;
        let (plane, image) = (height * width, channels * height * width);
        if image == 0 {
            return Ok(out);
        }
        let mut before = vec![E::ZERO; plane];
        for image in out.as_mut_slice().chunks_exact_mut(image) {
            if self.flip > 0.0 && rng.random::<f64>() < self.flip {
                image.chunks_exact_mut(width).for_each(<[E]>::reverse);
            }
            if self.degrees > 0.0 {
                let angle = (2.0 * rng.random::<f64>() - 1.0) * self.degrees.to_radians();
                for plane in image.chunks_exact_mut(plane) {
                    before.copy_from_slice(plane);
                    rotate(&before, width, angle, plane);
                }
            }
            if self.padding > 0 {
                let mut offset = || rng.random_range(0..=2 * self.padding);
                let (down, right) = (offset(), offset());
                for plane in image.chunks_exact_mut(plane) {
                    before.copy_from_slice(plane);
                    crop(&before, width, [down, right], self.padding, plane);
                }
            }
            if self.noise > 0.0 {
                for x in image {
                    let normal: f64 = rng.sample(StandardNormal);
                    *x = E::from_f64(x.to_f64() + self.noise * normal);
                }
            }
        }
        Ok(out)
    }

    fn check<E: Element>(&self, count: usize, [height, width]: [usize; 2]) -> Result<()> {
        let wrong = |message: String| Err(Error::Argument { op: OP, message });
        if !(0.0..=1.0).contains(&self.flip) {
            return wrong(format!("the probability of a flip must be in 0..=1, got {}", self.flip));
        }
        if !(0.0..=180.0).contains(&self.degrees) {
            return wrong(format!("the angle must be in 0..=180 degrees, got {}", self.degrees));
        }
        if self.noise.is_nan() || self.noise < 0.0 || !E::from_f64(self.noise).is_finite() {
            let std = self.noise;
            return wrong(format!(
                "the standard deviation of the noise must be finite and not negative, got {std}"
            ));
        }
        if count > 0 && self.padding > 0 && self.padding >= height.min(width) {
            let padding = self.padding;
            return wrong(format!(
                "the padding must be below height and width, got {padding} for images of \
                 {height} x {width}"
            ));
        }
        Ok(())
    }
}

const OP: &str = "augment";

/// The image rotated counterclockwise about its centre.
fn rotate<E: Element>(from: &[E], width: usize, angle: f64, to: &mut [E]) {
    let height = from.len() / width;
    let (sin, cos) = angle.sin_cos();
    let [mid_y, mid_x] = [height, width].map(|size| (size - 1) as f64 / 2.0);
    let at = |y: f64, x: f64| {
        let inside = y >= 0.0 && x >= 0.0 && y < height as f64 && x < width as f64;
        if inside { from[y as usize * width + x as usize].to_f64() } else { 0.0 }
    };
    for (place, to) in to.iter_mut().enumerate() {
        let (y, x) = ((place / width) as f64 - mid_y, (place % width) as f64 - mid_x);
        // The place that moves here.
        let (y, x) = (mid_y + cos * y + sin * x, mid_x + cos * x - sin * y);
        let (top, left) = (y.floor(), x.floor());
        let (down, right) = (y - top, x - left);
        let above = (1.0 - right) * at(top, left) + right * at(top, left + 1.0);
        let below = (1.0 - right) * at(top + 1.0, left) + right * at(top + 1.0, left + 1.0);
        *to = E::from_f64((1.0 - down) * above + down * below);
    }
}

/// The part of the padded image that begins at this row and column.
fn crop<E: Element>(
    from: &[E],
    width: usize,
    [down, right]: [usize; 2],
    padding: usize,
    to: &mut [E],
) {
    let height = from.len() / width;
    for (place, to) in to.iter_mut().enumerate() {
        let y = (place / width + down).checked_sub(padding).filter(|&y| y < height);
        let x = (place % width + right).checked_sub(padding).filter(|&x| x < width);
        *to = match (y, x) {
            (Some(y), Some(x)) => from[y * width + x],
            _ => E::ZERO,
        };
    }
}
