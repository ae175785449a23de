# The GPU's code: what the tests also compile as host code, and what calls cuDNN, cuBLASLt and
# NCCL.
set(SPHEREFACE_CUDA_SOURCES
  ../activation_buffers.cpp
  ../class_choice.cpp
  ../shard_tree.cpp
  buffer_sizes.cpp
  cuda_class_parallel_head.cu
  cuda_energy.cu
  cuda_engine.cpp
  cuda_head.cpp
  cuda_score_counter.cu
  cuda_trunk.cpp
  exports.cpp
  head_kernels.cu
  image_upload.cpp
  layer_kernels.cu
  recorded_work.cpp
  sgd_kernels.cu
  softmax_kernels.cu
  sum_kernels.cu)
set(SPHEREFACE_CUDA_VENDOR_SOURCES
  cublas_matrix_product.cpp
  cudnn_convolution.cpp
  gpu_context.cpp
  nccl_communicator.cpp
  nccl_exchange.cpp
  nccl_reduction.cpp)
# In tests/: of the Engine interface, on every device; of what GPUs have besides, on a card and on the
# host; and of kernels, which are compiled for each of the two.
set(SPHEREFACE_ENGINE_TEST_SOURCES
  kernels/engine_golden_test.cpp
  kernels/engine_reference_test.cpp
  kernels/sgd_test.cpp)
set(SPHEREFACE_GPU_TEST_SOURCES
  kernels/gpu_class_parallel_test.cpp
  kernels/gpu_reduction_test.cpp
  kernels/gpu_under_test.cpp
  kernels/score_counter_test.cpp)
set(SPHEREFACE_GPU_KERNEL_TEST_SOURCES
  kernels/gpu_head_kernels_test.cpp
  kernels/gpu_layer_kernels_test.cpp
  kernels/gpu_recorded_work_test.cpp
  kernels/gpu_sum_kernels_test.cpp)
list(TRANSFORM SPHEREFACE_CUDA_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM SPHEREFACE_CUDA_VENDOR_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
