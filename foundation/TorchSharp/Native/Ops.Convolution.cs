namespace TorchSharp;

// Convolution, pooling, resampling.
internal static partial class Ops
{
    internal static readonly Op
        conv1d = new("conv1d"), conv2d = new("conv2d"), conv3d = new("conv3d"), conv1d_padding = new("conv1d.padding"), conv2d_padding = new("conv2d.padding"), conv3d_padding = new("conv3d.padding"),
        conv_transpose1d = new("conv_transpose1d"), conv_transpose2d = new("conv_transpose2d.input"), conv_transpose3d = new("conv_transpose3d.input"),
        im2col = new("im2col"), col2im = new("col2im"), pad = new("pad"), pixel_shuffle = new("pixel_shuffle"), pixel_unshuffle = new("pixel_unshuffle"),
        upsample_nearest1d_vec = new("upsample_nearest1d.vec"), upsample_nearest2d_vec = new("upsample_nearest2d.vec"), upsample_nearest3d_vec = new("upsample_nearest3d.vec"),
        upsample_nearest_exact1d_vec = new("_upsample_nearest_exact1d.vec"), upsample_nearest_exact2d_vec = new("_upsample_nearest_exact2d.vec"), upsample_nearest_exact3d_vec = new("_upsample_nearest_exact3d.vec"),
        upsample_linear1d_vec = new("upsample_linear1d.vec"), upsample_bilinear2d_vec = new("upsample_bilinear2d.vec"), upsample_bilinear2d_aa_vec = new("_upsample_bilinear2d_aa.vec"),
        upsample_bicubic2d_vec = new("upsample_bicubic2d.vec"), upsample_bicubic2d_aa_vec = new("_upsample_bicubic2d_aa.vec"), upsample_trilinear3d_vec = new("upsample_trilinear3d.vec"),
        grid_sampler = new("grid_sampler"), affine_grid_generator = new("affine_grid_generator"),
        max_pool1d = new("max_pool1d"), max_pool2d = new("max_pool2d"), max_pool3d = new("max_pool3d"), max_pool1d_with_indices = new("max_pool1d_with_indices"),
        max_pool2d_with_indices = new("max_pool2d_with_indices"), max_pool3d_with_indices = new("max_pool3d_with_indices"),
        avg_pool1d = new("avg_pool1d"), avg_pool2d = new("avg_pool2d"), avg_pool3d = new("avg_pool3d"),
        adaptive_avg_pool1d = new("adaptive_avg_pool1d"), adaptive_avg_pool2d = new("adaptive_avg_pool2d"), adaptive_avg_pool3d = new("adaptive_avg_pool3d"),
        adaptive_max_pool1d = new("adaptive_max_pool1d"), adaptive_max_pool2d = new("adaptive_max_pool2d"), adaptive_max_pool3d = new("adaptive_max_pool3d");
}
