# Debian's OpenCVConfig.cmake is only in libopencv-dev, which pulls every module (660 MB). This
# finds the split packages (libopencv-{core,imgproc,imgcodecs,dnn}-dev) one by one and defines a
# target OpenCVModules::NAME for each component asked for.
find_path(OpenCVModules_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4)
set(_opencv_required OpenCVModules_INCLUDE_DIR)
foreach(_module ${OpenCVModules_FIND_COMPONENTS})
  find_library(OpenCVModules_${_module}_LIBRARY opencv_${_module})
  list(APPEND _opencv_required OpenCVModules_${_module}_LIBRARY)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenCVModules REQUIRED_VARS ${_opencv_required})
if(OpenCVModules_FOUND)
  foreach(_module ${OpenCVModules_FIND_COMPONENTS})
    if(NOT TARGET OpenCVModules::${_module})
      add_library(OpenCVModules::${_module} UNKNOWN IMPORTED)
      set_target_properties(OpenCVModules::${_module} PROPERTIES
        IMPORTED_LOCATION "${OpenCVModules_${_module}_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${OpenCVModules_INCLUDE_DIR}")
    endif()
  endforeach()
endif()
