namespace TorchSharp;

// Layers, losses, convolutions.
internal static partial class Ops
{
    internal static readonly Op
        mish = new("mish"), mish_ = new("mish_"), hardshrink = new("hardshrink"), softshrink = new("softshrink"), dropout = new("dropout"), dropout_ = new("dropout_"),
        feature_dropout = new("feature_dropout"), feature_dropout_ = new("feature_dropout_"), alpha_dropout = new("alpha_dropout"), alpha_dropout_ = new("alpha_dropout_"),
        feature_alpha_dropout = new("feature_alpha_dropout"), feature_alpha_dropout_ = new("feature_alpha_dropout_"),
        bilinear = new("bilinear"), layer_norm = new("layer_norm"), group_norm = new("group_norm"), batch_norm = new("batch_norm"), instance_norm = new("instance_norm"),
        one_hot = new("one_hot"), cosine_similarity = new("cosine_similarity"), pairwise_distance = new("pairwise_distance"), embedding = new("embedding"), embedding_renorm_ = new("embedding_renorm_"),
        scaled_dot_product_attention = new("scaled_dot_product_attention"),
        cross_entropy_loss = new("cross_entropy_loss"), nll_loss_nd = new("nll_loss_nd"), mse_loss = new("mse_loss"), l1_loss = new("l1_loss"), smooth_l1_loss = new("smooth_l1_loss"), huber_loss = new("huber_loss"),
        binary_cross_entropy = new("binary_cross_entropy"), binary_cross_entropy_with_logits = new("binary_cross_entropy_with_logits"), kl_div = new("kl_div"), cosine_embedding_loss = new("cosine_embedding_loss"),
        hinge_embedding_loss = new("hinge_embedding_loss"), margin_ranking_loss = new("margin_ranking_loss"), soft_margin_loss = new("soft_margin_loss"), multilabel_margin_loss = new("multilabel_margin_loss"),
        multi_margin_loss = new("multi_margin_loss"), triplet_margin_loss = new("triplet_margin_loss"), linalg_qr = new("linalg_qr"), ctc_loss_Tensor = new("ctc_loss.Tensor"), poisson_nll_loss = new("poisson_nll_loss");
}
