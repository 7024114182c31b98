//! Printing: nested brackets, with the middle of long axes left out, and never more than a page.

use std::fmt;

use wengert_kernels::Element;

use super::Tensor;

/// Axes longer than this show their first and last three.
const LONG: usize = 8;

/// The most elements and lists that are printed; `…` stands for the others.
const PAGE: usize = 1000;

impl<E: Element> fmt::Display for Tensor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rank() > PAGE {
            return write!(f, "[… {} axes …]", self.rank());
        }
        let mut left = PAGE;
        write_axis(self, &mut vec![0; self.rank()], 0, &mut left, f)
    }
}

impl<E: Element> fmt::Debug for Tensor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{} ", E::NAME, self.shape())?;
        fmt::Display::fmt(self, f)
    }
}

/// Prints a part of a tensor. `left` is what is left of the page.
fn write_axis<E: Element>(
    tensor: &Tensor<E>,
    index: &mut [usize],
    axis: usize,
    left: &mut usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Some(&dim) = tensor.shape().get(axis) else {
        return match tensor.get(index) {
            Some(value) => fmt::Display::fmt(&value, f),
            None => Ok(()),
        };
    };
    let last = axis + 1 == tensor.rank();
    f.write_str("[")?;
    let mut i = 0;
    while i < dim {
        if i > 0 {
            if last {
                f.write_str(", ")?;
            } else {
                write!(f, ",\n{:1$}", "", axis + 1)?;
            }
        }
        if *left == 0 {
            f.write_str("…")?;
            break;
        }
        if dim > LONG && i == 3 {
            write!(f, "… {} more …", dim - 6)?;
            i = dim - 3;
            continue;
        }
        *left -= 1;
        index[axis] = i;
        write_axis(tensor, index, axis + 1, left, f)?;
        i += 1;
    }
    f.write_str("]")
}
