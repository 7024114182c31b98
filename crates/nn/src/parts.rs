//! Fields of modules other than modules: parameters, buffers, and containers of parts.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use wengert_autodiff::{Activation, Element, Parameter};

use crate::init::Nonlinearity;
use crate::layer::{Buffer, RandomStream};
use crate::module::{Module, Role, Visitor, VisitorMut};

/// As a root a parameter has the empty name.
impl<E: Element> Module<E> for Parameter<E> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.parameter("", self);
    }
    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        visitor.parameter("", self);
    }
    fn visit_as<'a>(&'a self, name: &str, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.parameter(name, self);
    }
    fn visit_mut_as(&mut self, name: &str, visitor: &mut VisitorMut<'_, E>) {
        visitor.parameter(name, self);
    }
}

/// As a root a buffer has the empty name.
impl<E: Element> Module<E> for Buffer<E> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.buffer("", self);
    }
    fn visit_mut(&mut self, _: &mut VisitorMut<'_, E>) {}
    fn visit_as<'a>(&'a self, name: &str, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.buffer(name, self);
    }
    fn visit_mut_as(&mut self, _: &str, _: &mut VisitorMut<'_, E>) {}
}

/// As a root it has the empty name.
impl<E: Element> Module<E> for RandomStream {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.random_stream("", self);
    }
    fn visit_mut(&mut self, _: &mut VisitorMut<'_, E>) {}
    fn visit_as<'a>(&'a self, name: &str, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.random_stream(name, self);
    }
    fn visit_mut_as(&mut self, _: &str, _: &mut VisitorMut<'_, E>) {}
}

/// `Box` and `Option` have the place of their content in the tree.
macro_rules! transparent {
    ($container:ty, $(?$sized:ident,)? |$this:ident| $get:expr, $get_mut:expr) => {
        impl<E: Element, M: Module<E> $(+ ?$sized)?> Module<E> for $container {
            fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
                let $this = self;
                if let Some(module) = $get {
                    module.visit(visitor);
                }
            }
            fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
                let $this = self;
                if let Some(module) = $get_mut {
                    module.visit_mut(visitor);
                }
            }
            fn activation(&self) -> Activation {
                let $this = self;
                $get.map_or(Activation::Identity, M::activation)
            }
            fn nonlinearity(&self) -> Option<Arc<dyn Nonlinearity>> {
                let $this = self;
                $get.and_then(M::nonlinearity)
            }
            fn role(&self) -> Role {
                let $this = self;
                $get.map_or(Role::Plain, M::role)
            }
            fn set_training(&mut self, training: bool) {
                let $this = self;
                if let Some(module) = $get_mut {
                    module.set_training(training);
                }
            }
            fn visit_as<'a>(&'a self, name: &str, visitor: &mut Visitor<'_, 'a, E>) {
                let $this = self;
                if let Some(module) = $get {
                    module.visit_as(name, visitor);
                }
            }
            fn visit_mut_as(&mut self, name: &str, visitor: &mut VisitorMut<'_, E>) {
                let $this = self;
                if let Some(module) = $get_mut {
                    module.visit_mut_as(name, visitor);
                }
            }
        }
    };
}

transparent!(Box<M>, ?Sized, |this| Some(&**this), Some(&mut **this));
transparent!(Option<M>, |this| this.as_ref(), this.as_mut());

/// The modules are named by their indices: `0`, `1`, ..
macro_rules! list {
    ($list:ty $(, const $n:ident)?) => {
        impl<E: Element, M: Module<E> $(, const $n: usize)?> Module<E> for $list {
            fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
                for (i, module) in self.iter().enumerate() {
                    visitor.child(decimal(i, &mut [0; 20]), module);
                }
            }
            fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
                for (i, module) in self.iter_mut().enumerate() {
                    visitor.child(decimal(i, &mut [0; 20]), module);
                }
            }
        }
    };
}

list!(Vec<M>);
list!([M; N], const N);

/// The modules are named by their keys.
impl<E: Element, K: Ord + Display, M: Module<E>> Module<E> for BTreeMap<K, M> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        for (key, module) in self {
            visitor.child(&key.to_string(), module);
        }
    }
    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        for (key, module) in self {
            visitor.child(&key.to_string(), module);
        }
    }
}

/// The modules are named by their indices: `0`, `1`, ..
macro_rules! tuple {
    ($($name:ident $at:tt),+) => {
        impl<E: Element, $($name: Module<E>),+> Module<E> for ($($name,)+) {
            fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
                $(visitor.child(stringify!($at), &self.$at);)+
            }
            fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
                $(visitor.child(stringify!($at), &mut self.$at);)+
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);

/// The decimal digits of `n`, written into `buffer` to avoid an allocation for each name.
pub(crate) fn decimal(mut n: usize, buffer: &mut [u8; 20]) -> &str {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    std::str::from_utf8(&buffer[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_what_display_prints() {
        for n in [0, 7, 10, 12_345, usize::MAX] {
            assert_eq!(decimal(n, &mut [0; 20]), n.to_string());
        }
    }
}
