//! The table that [`Advice`] prints.

use std::fmt;

use super::advice::Advice;
use super::figure::rounded;

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.layers.iter().map(|layer| layer.weight.len()).max().unwrap_or(0).max(6);
        write!(
            f,
            "sigma_w: standard deviation of the weights, times sqrt(fan_in); sigma_b: standard deviation of the biases; q: variance of the pre-activations; chi_1: factor by which a layer multiplies the variance of gradients\n{:width$}  {:>7} {:>7} {:>7} {:>6}",
            "weight", "sigma_w", "sigma_b", "q", "chi_1"
        )?;
        let mut last = None;
        for layer in &self.layers {
            write!(
                f,
                "\n{:width$}  {:>7} {:>7} {:>7} {:>6}",
                layer.weight,
                rounded(layer.sigma_w, 4),
                rounded(layer.sigma_b, 4),
                rounded(layer.variance, 4),
                rounded(layer.gradient_factor, 3)
            )?;
            if last.replace(&layer.reason) == Some(&layer.reason) {
                write!(f, "  as above")?;
            } else {
                write!(f, "  {}", layer.reason)?;
            }
        }
        if !self.others.is_empty() {
            write!(
                f,
                "\nnot changed, because their kind (weight, bias, ..) is not stated: {}",
                self.others.join(", ")
            )?;
        }
        if let Some(warning) = &self.warning {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}
