# What every target of the project is compiled with. Third-party headers are SYSTEM, so that
# warnings can be errors in ours.
add_library(sphereface_options INTERFACE)
target_compile_options(sphereface_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wpedantic -Werror>
  # Pedantry is beyond what nvcc generates. The assembler reports each kernel's registers, and
  # refuses one that doesn't do with them.
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow -Werror=all-warnings
  -Xptxas=--verbose,--warn-on-spills,--warning-as-error>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns of overlapping copies inside std::string's operator+ (its bug 105651).
  target_compile_options(sphereface_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
get_filename_component(sphereface_root ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
target_include_directories(sphereface_options INTERFACE ${sphereface_root})
target_compile_definitions(sphereface_options INTERFACE SPHEREFACE_VERSION="${PROJECT_VERSION}")
if(SPHEREFACE_SANITIZE)
  # What the sanitizers insert hides assignments from GCC's warning of uninitialized values (<regex>).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(sphereface_options INTERFACE
      $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
  endif()
  target_compile_options(sphereface_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${SPHEREFACE_SANITIZE} -fno-omit-frame-pointer
                              -fno-sanitize-recover=all>)
  target_link_options(sphereface_options INTERFACE -fsanitize=${SPHEREFACE_SANITIZE})
endif()
if(SPHEREFACE_FUZZ)
  # libFuzzer follows which branches an input takes.
  target_compile_options(sphereface_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(sphereface_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
# Reproducible arithmetic needs the same contraction on every build of the same source.
target_compile_options(sphereface_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)

# For code of which nothing is hot: it is made in less time.
set(SPHEREFACE_LITTLE_OPTIMISED $<$<CONFIG:Release>:-O1>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # The same false warning by another name (its bug 105329).
  list(APPEND SPHEREFACE_LITTLE_OPTIMISED -Wno-array-bounds -Wno-stringop-overflow)
endif()
