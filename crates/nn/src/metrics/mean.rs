//! Means over a data set.

/// The mean of numbers, such as the losses of batches, each with a weight.
///
/// ```
/// use wengert_nn::metrics::Mean;
/// let mut loss = Mean::new();
/// loss.update(0.5, 32.0); // the mean loss of 32 examples
/// loss.update(0.25, 8.0);
/// assert_eq!(loss.value(), 0.45);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    /// Creates the mean without any numbers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number with this weight.
    pub fn update(&mut self, number: f64, weight: f64) {
        self.sum += number * weight;
        self.weight += weight;
    }

    /// Adds the numbers of another mean.
    pub fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.weight += other.weight;
    }

    /// The weighted mean; NaN if there are no numbers.
    pub fn value(&self) -> f64 {
        self.sum / self.weight
    }

    /// The sum of the weights.
    pub fn weight(&self) -> f64 {
        self.weight
    }
}

/// The perplexity of a model of sequences: the exponential of the mean negative log-likelihood of
/// tokens.
///
/// ```
/// use wengert_nn::metrics::Perplexity;
/// let mut perplexity = Perplexity::new();
/// perplexity.update(0.25_f64.ln().abs(), 10); // the mean cross-entropy of 10 tokens
/// assert!((perplexity.value() - 4.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Perplexity {
    losses: Mean,
}

impl Perplexity {
    /// Creates the perplexity without any tokens yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the mean cross-entropy, in nats, of a number of tokens.
    pub fn update(&mut self, cross_entropy: f64, tokens: usize) {
        self.losses.update(cross_entropy, tokens as f64);
    }

    /// Adds the tokens of another perplexity.
    pub fn merge(&mut self, other: &Self) {
        self.losses.merge(&other.losses);
    }

    /// The perplexity; NaN if there are no tokens.
    pub fn value(&self) -> f64 {
        self.losses.value().exp()
    }
}
