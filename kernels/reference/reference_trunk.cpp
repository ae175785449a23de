// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/reference/reference_trunk.h"

#include <cstddef>

namespace sphereface::reference {
namespace {

/// Calls visit(input index, weight index, output index) for every product of the convolution.
template <class Visit>
void forEachProduct(const ConvLayer& c, int batch, Visit visit) {
  for (int n = 0; n < batch; ++n)
    for (int o = 0; o < c.out_channels; ++o)
      for (int y = 0; y < c.out_height; ++y)
        for (int x = 0; x < c.out_width; ++x)
          for (int i = 0; i < c.in_channels; ++i)
            for (int ky = 0; ky < 3; ++ky)
              for (int kx = 0; kx < 3; ++kx) {
                const int sy = y * c.stride + ky - 1;
                const int sx = x * c.stride + kx - 1;
                if (sy < 0 || sy >= c.in_height || sx < 0 || sx >= c.in_width) continue;
                const auto at = [](int a, int na, int b, int nb, int d) {
                  return (static_cast<size_t>(a) * static_cast<size_t>(na) +
                          static_cast<size_t>(b)) *
                             static_cast<size_t>(nb) +
                         static_cast<size_t>(d);
                };
                visit(at(n * c.in_channels + i, c.in_height, sy, c.in_width, sx),
                      at(o * c.in_channels + i, 3, ky, 3, kx),
                      at(n * c.out_channels + o, c.out_height, y, c.out_width, x));
              }
}

size_t outputSize(const ConvLayer& c, int batch) {
  return static_cast<size_t>(batch) * static_cast<size_t>(c.out_channels) *
         static_cast<size_t>(c.out_height) * static_cast<size_t>(c.out_width);
}

size_t channelOf(const ConvLayer& c, size_t index) {
  return index / (static_cast<size_t>(c.out_height) * static_cast<size_t>(c.out_width)) %
         static_cast<size_t>(c.out_channels);
}

}  // namespace

TrunkState forward(const Network& network, const std::vector<uint8_t>& images,
                   const std::vector<double>& parameters, int batch) {
  TrunkState state;
  for (const uint8_t byte : images) {
    state.input.push_back((byte - static_cast<double>(network.mean)) * network.scale);
  }
  for (size_t l = 0; l < network.convs.size(); ++l) {
    const ConvLayer& c = network.convs[l];
    const std::vector<double>& in = l == 0 ? state.input : state.post[l - 1];
    std::vector<double> pre(outputSize(c, batch));
    for (size_t k = 0; k < pre.size(); ++k)
      pre[k] = parameters[c.bias + channelOf(c, k)];
    forEachProduct(c, batch, [&](size_t from, size_t weight, size_t to) {
      pre[to] += in[from] * parameters[c.weight + weight];
    });
    std::vector<double> post(pre.size());
    for (size_t k = 0; k < pre.size(); ++k) {
      post[k] = pre[k] > 0 ? pre[k] : parameters[c.slope + channelOf(c, k)] * pre[k];
      if (c.residual_from >= 0) post[k] += state.post[static_cast<size_t>(c.residual_from)][k];
    }
    state.pre.push_back(std::move(pre));
    state.post.push_back(std::move(post));
  }
  const std::vector<double>& last = state.post.back();
  const auto dim = static_cast<size_t>(network.embedding);
  for (size_t n = 0; n < static_cast<size_t>(batch); ++n)
    for (size_t d = 0; d < dim; ++d) {
      double sum = parameters[network.fc_bias + d];
      for (size_t k = 0; k < network.fc_inputs; ++k) {
        sum += last[n * network.fc_inputs + k] *
               parameters[network.fc_weight + d * network.fc_inputs + k];
      }
      state.embeddings.push_back(sum);
    }
  return state;
}

std::vector<double> backward(const Network& network, const TrunkState& state,
                             const std::vector<double>& d_embeddings,
                             const std::vector<double>& parameters, int batch) {
  std::vector<double> gradients(network.parameter_count);
  std::vector<std::vector<double>> d_post;
  for (const std::vector<double>& post : state.post)
    d_post.emplace_back(post.size());

  const auto dim = static_cast<size_t>(network.embedding);
  for (size_t n = 0; n < static_cast<size_t>(batch); ++n)
    for (size_t d = 0; d < dim; ++d) {
      const double g = d_embeddings[n * dim + d];
      gradients[network.fc_bias + d] += g;
      for (size_t k = 0; k < network.fc_inputs; ++k) {
        const size_t weight = network.fc_weight + d * network.fc_inputs + k;
        gradients[weight] += g * state.post.back()[n * network.fc_inputs + k];
        d_post.back()[n * network.fc_inputs + k] += g * parameters[weight];
      }
    }

  for (size_t l = network.convs.size(); l-- > 0;) {
    const ConvLayer& c = network.convs[l];
    std::vector<double> d_pre(d_post[l].size());
    for (size_t k = 0; k < d_pre.size(); ++k) {
      const double g = d_post[l][k];
      if (c.residual_from >= 0) d_post[static_cast<size_t>(c.residual_from)][k] += g;
      const size_t channel = channelOf(c, k);
      const double pre = state.pre[l][k];
      d_pre[k] = pre > 0 ? g : parameters[c.slope + channel] * g;
      if (pre <= 0) gradients[c.slope + channel] += pre * g;
      if (c.train_bias) gradients[c.bias + channel] += d_pre[k];
    }
    const std::vector<double>& in = l == 0 ? state.input : state.post[l - 1];
    forEachProduct(c, batch, [&](size_t from, size_t weight, size_t to) {
      gradients[c.weight + weight] += d_pre[to] * in[from];
      if (l > 0) d_post[l - 1][from] += d_pre[to] * parameters[c.weight + weight];
    });
  }
  return gradients;
}

}  // namespace sphereface::reference
