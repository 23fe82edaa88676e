namespace TorchSharp;

public static partial class torch
{
    // Random numbers in place, and sampling.
    public partial class Tensor
    {
        public Tensor bernoulli(Generator? generator = null) => Ops.bernoulli.T(this, generator);
        public Tensor bernoulli_(Tensor p, Generator? generator = null) => Ops.bernoulli__Tensor.Do(this, p, generator);
        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => Ops.bernoulli__float.Do(this, p, generator);
        public Tensor cauchy_(double median = 0, double sigma = 1, Generator? generator = null) =>
            Ops.cauchy_.Do(this, median, sigma, generator);
        public Tensor exponential_(double lambda = 1, Generator? generator = null) => Ops.exponential_.Do(this, lambda, generator);
        public Tensor geometric_(double p, Generator? generator = null) => Ops.geometric_.Do(this, p, generator);
        public Tensor log_normal_(double mean = 0, double std = 1, Generator? generator = null) =>
            Ops.log_normal_.Do(this, mean, std, generator);
        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) =>
            Ops.multinomial.T(this, num_samples, replacement, generator);
        public Tensor normal_(double mean = 0, double std = 1, Generator? generator = null) => Ops.normal_.Do(this, mean, std, generator);
        public Tensor poisson(Generator? generator = null) => Ops.poisson.T(this, generator);
        public Tensor uniform_(double from, double to, Generator? generator = null) => Ops.uniform_.Do(this, from, to, generator);
    }
}
