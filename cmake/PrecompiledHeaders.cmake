# Headers that many files include and that take the compiler seconds each, read once for all files. A
# precompiled header serves only those of the same optimisation and options. Files still include what
# they use: clang-tidy reads them without it (scripts/lint.sh).
set(often_included
  <chrono>
  <filesystem>
  <functional>
  <google/protobuf/message.h>
  <iostream>
  <map>
  <opencv2/core.hpp>
  <optional>
  <sstream>
  <string>
  <vector>)

file(WRITE ${CMAKE_BINARY_DIR}/precompiled/empty.cpp "")

# sphereface_precompile(NAME [OPTIONS...] LIBRARIES... HEADERS... TARGETS...): the precompiled header
# NAME, of `often_included` and HEADERS, for TARGETS, which are all compiled with OPTIONS.
function(sphereface_precompile name)
  cmake_parse_arguments(ARG "" "" "OPTIONS;LIBRARIES;HEADERS;TARGETS" ${ARGN})
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled/empty.cpp)
  target_link_libraries(${name} PRIVATE sphereface_options OpenCVModules::core protobuf::libprotobuf
                                        ${ARG_LIBRARIES})
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${often_included} ${ARG_HEADERS})
  foreach(target ${ARG_TARGETS})
    target_compile_options(${target} PRIVATE ${ARG_OPTIONS})
    target_precompile_headers(${target} REUSE_FROM ${name})
  endforeach()
endfunction()

# Where images, features and gradients go through.
sphereface_precompile(sphereface_headers
  TARGETS
  sphereface_base
  sphereface_data
  sphereface_evaluation
  sphereface_proto
  sphereface_worker_core)

# The rest, of which nothing is hot.
sphereface_precompile(sphereface_cold_headers
  OPTIONS ${SPHEREFACE_LITTLE_OPTIMISED}
  TARGETS
  sphereface
  sphereface-coordinator
  sphereface-evaluator
  sphereface-worker
  sphereface_control
  sphereface_convert
  sphereface_coordinator_core
  sphereface_doctor
  sphereface_identify
  sphereface_launch
  sphereface_model
  sphereface_plan
  sphereface_report
  sphereface_run
  sphereface_shared_verbs
  sphereface_supervisor
  sphereface_watch)

if(SPHEREFACE_TESTS)
  get_property(tests GLOBAL PROPERTY SPHEREFACE_PRECOMPILED_TESTS)
  sphereface_precompile(sphereface_test_headers
    OPTIONS ${SPHEREFACE_LITTLE_OPTIMISED}
    LIBRARIES GTest::gtest
    HEADERS <gtest/gtest.h>
    TARGETS ${tests})
endif()
