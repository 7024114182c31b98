//! Printing: nested brackets with aligned columns. A large tensor is printed in part, with the
//! first and last positions along each axis, and never more than a page.

use std::fmt;

use wengert_kernels::Element;

use super::Tensor;

/// A tensor with more elements is summarized: axes longer than twice [`EDGE`] show only their ends.
const SUMMARIZED: usize = 1000;

/// Number of positions shown at each end of an axis.
const EDGE: usize = 3;

/// The maximum number of elements and lists that are printed; `…` stands for the others. A tensor
/// of up to two axes that is not summarized does not exceed it.
const PAGE: usize = 2 * SUMMARIZED;

/// The maximum number of axes that are printed: each is a level of recursion.
const DEEPEST: usize = 1000;

/// The maximum number of digits after the decimal point, unless the caller's format gives a
/// precision.
const DIGITS: usize = 4;

/// Prints the elements in nested brackets, in columns of equal width.
///
/// All numbers have the same number of digits after the decimal point: as many as needed, at most
/// four. All have an exponent if one is 1e8 or more, or if they are not integers and one is below
/// 1e-4 or 1000 times as large as another. `{:.6}` requests six digits, `{:e}` the exponent. A
/// tensor of more than 1000 elements is summarized by the first and last three positions along each
/// long axis. A tensor of rank 0 is printed like its number.
///
/// ```
/// use wengert_autodiff::Tensor;
/// let x = Tensor::from([[1.0_f32, -20.5], [0.125, 3.0]]);
/// assert_eq!(x.to_string(), "[[  1.000, -20.500],\n [  0.125,   3.000]]");
/// assert_eq!(format!("{x:.1}"), "[[  1.0, -20.5],\n [  0.1,   3.0]]");
/// ```
impl<E: Element> fmt::Display for Tensor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self, None, f)
    }
}

/// Like [`Display`](fmt::Display), with an exponent in all numbers.
impl<E: Element> fmt::LowerExp for Tensor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self, Some(true), f)
    }
}

/// The type, the shape, and what [`Display`](fmt::Display) prints.
impl<E: Element> fmt::Debug for Tensor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{} ", E::NAME, self.shape())?;
        fmt::Display::fmt(self, f)
    }
}

fn print<E: Element>(
    tensor: &Tensor<E>,
    exponent: Option<bool>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if tensor.rank() == 0 {
        let number = tensor[[]];
        return if exponent == Some(true) {
            fmt::LowerExp::fmt(&number.to_f64(), f)
        } else {
            fmt::Display::fmt(&number, f)
        };
    }
    if tensor.rank() > DEEPEST {
        return write!(f, "[… {} axes …]", tensor.rank());
    }
    let mut shown = Vec::new();
    walk(tensor, &mut |event| {
        if let Event::Number(number) = event {
            shown.push(number);
        }
        Ok(())
    })?;
    let style = Style::of(&shown, exponent, f.precision());
    let texts: Vec<String> = shown.iter().map(|&number| style.text(number)).collect();
    let width = texts.iter().map(String::len).max().unwrap_or(0);
    let mut texts = texts.iter();
    walk(tensor, &mut |event| match event {
        Event::Text(text) => f.write_str(text),
        Event::NewLine(indent) => write!(f, ",\n{:indent$}", ""),
        Event::Number(_) => write!(f, "{:>width$}", texts.next().map_or("", String::as_str)),
    })
}

/// The pieces of the printed form.
enum Event {
    Text(&'static str),
    NewLine(usize),
    Number(f64),
}

/// A function that receives the pieces.
type OnEvent<'a> = dyn FnMut(Event) -> fmt::Result + 'a;

/// Reports the pieces of a tensor's printed form.
fn walk<E: Element>(tensor: &Tensor<E>, report: &mut OnEvent<'_>) -> fmt::Result {
    let mut page = Page { tensor, summarized: tensor.len() > SUMMARIZED, left: PAGE };
    page.walk(&mut vec![0; tensor.rank()], 0, report)
}

/// A tensor, whether the middles of its long axes are omitted, and what remains of the page.
struct Page<'a, E: Element> {
    tensor: &'a Tensor<E>,
    summarized: bool,
    left: usize,
}

impl<E: Element> Page<'_, E> {
    /// Reports the part of the tensor at `index[..axis]`.
    fn walk(&mut self, index: &mut [usize], axis: usize, report: &mut OnEvent<'_>) -> fmt::Result {
        let Some(&dim) = self.tensor.shape().get(axis) else {
            return report(Event::Number(self.tensor[&*index].to_f64()));
        };
        let last = axis + 1 == self.tensor.rank();
        let separator = || if last { Event::Text(", ") } else { Event::NewLine(axis + 1) };
        let cut = self.summarized && dim > 2 * EDGE;
        report(Event::Text("["))?;
        let mut i = 0;
        while i < dim {
            if i > 0 {
                report(separator())?;
            }
            if self.left == 0 {
                report(Event::Text("…"))?;
                break;
            }
            if cut && i == EDGE {
                report(Event::Text("…"))?;
                report(separator())?;
                i = dim - EDGE;
            }
            self.left -= 1;
            index[axis] = i;
            self.walk(index, axis + 1, report)?;
            i += 1;
        }
        report(Event::Text("]"))
    }
}

/// The format of the numbers.
#[derive(Clone, Copy, Debug)]
struct Style {
    exponent: bool,
    /// Number of digits after the decimal point.
    digits: usize,
}

impl Style {
    /// One format for all numbers.
    fn of(numbers: &[f64], exponent: Option<bool>, precision: Option<usize>) -> Self {
        let finite = || numbers.iter().copied().filter(|x| x.is_finite());
        let sizes = finite().map(f64::abs).filter(|&size| size > 0.0);
        let (low, high) = sizes
            .fold((f64::INFINITY, 0.0_f64), |(low, high), size| (low.min(size), high.max(size)));
        let whole = finite().all(|x| x.fract() == 0.0);
        let far = high >= 1e8 || (!whole && (low < 1e-4 || high / low > 1e3));
        let mut style = Style { exponent: exponent.unwrap_or(far), digits: DIGITS };
        style.digits =
            precision.unwrap_or_else(|| finite().map(|x| style.needed(x)).max().unwrap_or(0));
        style
    }

    fn text(self, x: f64) -> String {
        let digits = self.digits;
        if self.exponent { format!("{x:.digits$e}") } else { format!("{x:.digits$}") }
    }

    /// The number of digits that a number needs, up to the maximum.
    fn needed(self, x: f64) -> usize {
        let text = self.text(x);
        let mantissa = text.split('e').next().unwrap_or("");
        mantissa.split_once('.').map_or(0, |(_, digits)| digits.trim_end_matches('0').len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(shape: &[usize]) -> Tensor<f32> {
        let mut n = -1.0;
        Tensor::from_fn(shape, |_| {
            n += 1.0;
            n
        })
    }

    #[test]
    fn columns_are_aligned_and_digits_are_those_needed() {
        let x = Tensor::from([[1.0_f64, -20.5], [0.125, 3.0]]);
        assert_eq!(x.to_string(), "[[  1.000, -20.500],\n [  0.125,   3.000]]");
        assert_eq!(x.t().to_string(), "[[  1.000,   0.125],\n [-20.500,   3.000]]");
        assert_eq!(format!("{x:.1}"), "[[  1.0, -20.5],\n [  0.1,   3.0]]");
        assert_eq!(Tensor::from([0.1_f32, 2.0 / 3.0]).to_string(), "[0.1000, 0.6667]");
        assert_eq!(
            Tensor::from([0.5_f32, f32::NAN, -f32::INFINITY]).to_string(),
            "[ 0.5,  NaN, -inf]"
        );
        let cube = counted(&[2, 2, 2]).to_string();
        assert_eq!(cube, "[[[0, 1],\n  [2, 3]],\n [[4, 5],\n  [6, 7]]]");
    }

    #[test]
    fn numbers_of_far_magnitudes_have_an_exponent() {
        assert_eq!(Tensor::from([1e-6_f64, 2.5]).to_string(), "[1.0e-6,  2.5e0]");
        assert_eq!(Tensor::from([1e9_f64, 1.0]).to_string(), "[1e9, 1e0]");
        assert_eq!(Tensor::from([5000.0_f64, 1.0]).to_string(), "[5000,    1]");
        assert_eq!(format!("{:e}", Tensor::from([5000.0_f64, 1.0])), "[5e3, 1e0]");
        assert_eq!(format!("{:.2e}", Tensor::from([5000.0_f32])), "[5.00e3]");
        assert_eq!(Tensor::from([0.0_f64, -0.0]).to_string(), "[ 0, -0]");
    }

    #[test]
    fn a_single_number_is_written_in_full() {
        assert_eq!(Tensor::scalar(0.1_f32).to_string(), "0.1");
        assert_eq!(Tensor::scalar(1.0 / 3.0).to_string(), (1.0_f64 / 3.0).to_string());
        assert_eq!(format!("{:.2}", Tensor::scalar(2.0_f32 / 3.0)), "0.67");
    }

    #[test]
    fn large_tensors_show_their_ends() {
        let line = counted(&[2000]).to_string();
        assert_eq!(line, "[   0,    1,    2, …, 1997, 1998, 1999]");
        let plane = counted(&[40, 50]).to_string();
        let lines: Vec<&str> = plane.lines().collect();
        assert_eq!(lines[0], "[[   0,    1,    2, …,   47,   48,   49],");
        assert_eq!((lines.len(), lines[3]), (7, " …,"));
        assert_eq!(lines[6], " [1950, 1951, 1952, …, 1997, 1998, 1999]]");
        // A tensor with few elements is shown completely.
        assert!(!counted(&[10, 100]).to_string().contains('…'));
        // Many elements, but no long axis.
        let many = Tensor::scalar(1.0_f32).broadcast_to([2; 40]).to_string();
        assert!(many.len() < 1 << 16 && many.contains('…'));
        assert_eq!(counted(&[3, 0]).to_string(), "[[],\n [],\n []]");
    }
}
