//! Slices adjacent to pages without access.

use std::ops::{Deref, DerefMut};

use wengert_kernels::Element;
use wengert_kernels::gemm::{MatMut, MatRef};

/// Where the page without access is that a slice touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It follows the last element.
    BeforeGuard,
    /// It ends where the first element begins.
    AfterGuard,
}

/// A slice in pages of its own, between two without access.
pub struct Pages<T> {
    map: *mut libc::c_void,
    bytes: usize,
    first: *mut T,
    len: usize,
}

impl<T: Copy> Pages<T> {
    /// `len` elements, each of its index.
    pub fn new(place: Place, len: usize, element: impl Fn(usize) -> T) -> Self {
        // SAFETY: it reads a number of the system's.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) })
            .expect("a page has a size");
        let inner = (len * size_of::<T>()).next_multiple_of(page).max(page);
        let bytes = inner + 2 * page;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at a place of the system's choice touches no other.
        let map = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        assert!(map != libc::MAP_FAILED, "there is memory for {bytes} bytes");
        let start = map.wrapping_byte_add(page);
        // SAFETY: the pages lie in the mapping just made.
        let status = unsafe { libc::mprotect(start, inner, libc::PROT_READ | libc::PROT_WRITE) };
        assert!(status == 0, "pages of one's own can be made accessible");
        let first = match place {
            Place::BeforeGuard => start.wrapping_byte_add(inner - len * size_of::<T>()),
            Place::AfterGuard => start,
        };
        let first = first.cast::<T>();
        for i in 0..len {
            // SAFETY: the `len` elements from `first` on lie in the accessible pages.
            unsafe { first.add(i).write(element(i)) };
        }
        Pages { map, bytes, first, len }
    }
}

impl<T> Deref for Pages<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `new` wrote `len` elements there, which are unmapped when this is dropped.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }
}

impl<T> DerefMut for Pages<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`; the mapping is this value's alone.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.len) }
    }
}

impl<T> Drop for Pages<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and no slice of it outlives the value.
        unsafe { libc::munmap(self.map, self.bytes) };
    }
}

/// Numbers between zero and two.
pub fn filled<E: Element>(place: Place, len: usize) -> Pages<E> {
    Pages::new(place, len, |i| E::from_f64((i * 37 % 64) as f64 / 32.0))
}

/// A matrix of `rows` x `cols` in pages of its own, by rows or by columns.
pub struct Matrix<T> {
    pages: Pages<T>,
    rows: usize,
    cols: usize,
    by_rows: bool,
}

impl<T: Copy> Matrix<T> {
    pub fn new(pages: Pages<T>, (rows, cols): (usize, usize), by_rows: bool) -> Self {
        Matrix { pages, rows, cols, by_rows }
    }

    pub fn view(&self) -> MatRef<'_, T> {
        if self.by_rows {
            MatRef::row_major(&self.pages, self.rows, self.cols)
        } else {
            MatRef::row_major(&self.pages, self.cols, self.rows).t()
        }
    }
}

impl<E: Element> Matrix<E> {
    pub fn view_mut(&mut self) -> MatMut<'_, E> {
        if self.by_rows {
            MatMut::row_major(&mut self.pages, self.rows, self.cols)
        } else {
            MatMut::row_major(&mut self.pages, self.cols, self.rows).t()
        }
    }
}
