//! [`unchanged`]: runs a function that must not change the state of a module.

use wengert_autodiff::{Element, Tensor};

use crate::layer::{Buffer, RandomStream};
use crate::module::Module;

/// The buffers and positions of random streams of a module; dropping it restores them.
struct Restore<'m, E: Element> {
    buffers: Vec<(&'m Buffer<E>, Tensor<E>)>,
    streams: Vec<(&'m RandomStream, [u64; 2])>,
}

impl<E: Element> Drop for Restore<'_, E> {
    fn drop(&mut self) {
        for (buffer, value) in self.buffers.drain(..) {
            buffer.set(value);
        }
        for (stream, position) in self.streams.drain(..) {
            stream.set_position(position);
        }
    }
}

/// Runs `f`, which may run forward passes of the module, and restores the module's buffers and
/// random streams afterwards, also if `f` panics. (A forward pass in training mode updates running
/// statistics and draws random numbers.)
pub(crate) fn unchanged<E: Element, R>(
    module: &(impl Module<E> + ?Sized),
    f: impl FnOnce() -> R,
) -> R {
    let buffers = module.buffers().into_iter().map(|(_, buffer)| (buffer, buffer.value()));
    let streams = module.random_streams().into_iter();
    let _restore = Restore {
        buffers: buffers.collect(),
        streams: streams.map(|(_, stream)| (stream, stream.position())).collect(),
    };
    f()
}
