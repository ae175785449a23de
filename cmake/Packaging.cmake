# `cmake --install build --prefix P`, and packages of the same files by `cpack`: a relocatable tarball and
# a .deb. Programs find each other beside themselves, and the GPU's library beside or in ../lib/sphereface.
include(GNUInstallDirs)

install(TARGETS sphereface sphereface-coordinator sphereface-evaluator sphereface-on-cpus
                sphereface-worker
        RUNTIME DESTINATION bin)
install(TARGETS sphereface_images LIBRARY DESTINATION lib/sphereface)
if(SPHEREFACE_WITH_CUDA)
  install(TARGETS sphereface_cuda LIBRARY DESTINATION lib/sphereface)
endif()
set(share share/sphereface)
install(DIRECTORY configs DESTINATION ${share})
install(DIRECTORY scripts/slurm DESTINATION ${share}/scripts USE_SOURCE_PERMISSIONS)
install(PROGRAMS scripts/get_detector.sh scripts/reproduce.sh DESTINATION ${share}/scripts)
install(DIRECTORY watch/prometheus watch/grafana DESTINATION ${share}/watch)
install(DIRECTORY docs DESTINATION ${share})
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${share})

set(CPACK_GENERATOR "TGZ;DEB")
set(CPACK_PACKAGE_NAME sphereface)
set(CPACK_PACKAGE_CONTACT "The sphereface-train authors <sphereface-train@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
    "Distributed training of face-recognition networks with angular margins")
set(CPACK_PACKAGE_DESCRIPTION "Face alignment, packing, data-parallel training with A-Softmax and \
related losses over MPI, feature extraction and evaluation on LFW and MegaFace.")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_CURRENT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What isn't linked: mpirun, and ssh, by which it starts the other hosts' ranks.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "openmpi-bin")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "openssh-client")
include(CPack)
