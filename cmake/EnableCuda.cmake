# CUDA as a language, of the nvcc in CMAKE_CUDA_COMPILER.
set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual CACHE STRING "cards to compile for")
enable_language(CUDA)
# CMake 3.25 doesn't know that nvcc 12 and later have it.
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
