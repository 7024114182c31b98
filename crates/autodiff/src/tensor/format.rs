//! Printing: nested brackets, with the middle of long axes left out.

use std::fmt;

use wengert_kernels::Element;

use super::Tensor;

/// Axes longer than this show their first and last three.
const LONG: usize = 8;

impl<E: Element> fmt::Display for Tensor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_axis(self, &mut vec![0; self.rank()], 0, f)
    }
}

impl<E: Element> fmt::Debug for Tensor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{} ", E::NAME, self.shape())?;
        fmt::Display::fmt(self, f)
    }
}

fn write_axis<E: Element>(
    tensor: &Tensor<E>,
    index: &mut [usize],
    axis: usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Some(&dim) = tensor.shape().get(axis) else {
        return match tensor.get(index) {
            Some(value) => fmt::Display::fmt(&value, f),
            None => Ok(()),
        };
    };
    let separator = if axis + 1 == tensor.rank() {
        ", ".to_owned()
    } else {
        format!(",\n{}", " ".repeat(axis + 1))
    };
    f.write_str("[")?;
    let mut i = 0;
    while i < dim {
        if i > 0 {
            f.write_str(&separator)?;
        }
        if dim > LONG && i == 3 {
            write!(f, "… {} more …", dim - 6)?;
            i = dim - 3;
            continue;
        }
        index[axis] = i;
        write_axis(tensor, index, axis + 1, f)?;
        i += 1;
    }
    f.write_str("]")
}
