// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// MTCNN's weights in the two forms in which they are published: Caffe's .caffemodel (layers found
// by their names) and keras2onnx's .onnx (found by following the graph from its input). Both
// readers are functions of bytes and a table of what the network must be.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sphereface {

/// One layer of a network of MTCNN: convolution, PReLU and max pooling.
struct MtcnnLayerTable {
  struct Part {
    std::string name;  // Caffe's layer
    int outputs = 0;
  };
  int inputs = 0;
  int kernel = 1;           // a dense layer's covers the whole map
  bool dense = false;       // written as a matrix product
  std::vector<Part> parts;  // side by side: the last layer has one for each head
  std::string prelu = {};   // Caffe's layer; empty: no activation
  int pool_size = 0;        // 0: none
  int pool_stride = 0;
};

struct MtcnnTable {
  std::string title;  // for messages
  std::string caffe_file;
  std::string onnx_file;
  int side = 0;  // of the input, pixels; P-Net's smallest
  std::vector<MtcnnLayerTable> layers;
};

/// The numbers of one layer, as Caffe orders them.
struct MtcnnLayerWeights {
  struct Part {
    std::vector<float>
        weights;              // [output][input][x][y]: the published networks see images transposed
    std::vector<float> bias;  // [output]
  };
  std::vector<Part> parts;   // as in the table
  std::vector<float> slope;  // [output], of PReLU; empty: none
};

/// The weights of `table`'s layers in a .caffemodel, found by the layers' names. `name` stands for
/// the bytes in messages. errors: Error when a layer is missing or has another shape.
std::vector<MtcnnLayerWeights> readMtcnnCaffe(const MtcnnTable& table, std::string_view bytes,
                                              const std::string& name);

/// The same of an ONNX model of images N x width x height x 3, the whole graph of which has to be
/// `table`: Transpose, then Conv, PRelu and MaxPool for each layer; Transpose, Flatten, MatMul, Add
/// and PRelu for a dense one; heads told by their outputs (2: logits of a Softmax, 4: box, 10:
/// points). errors: Error naming the node that is missing, has another shape, or too much.
std::vector<MtcnnLayerWeights> readMtcnnOnnx(const MtcnnTable& table, std::string_view bytes,
                                             const std::string& name);

}  // namespace sphereface
