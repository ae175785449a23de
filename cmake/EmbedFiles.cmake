# Writes a source that defines sphereface::FUNCTION, which HEADER declares and which hands out FILES by
# their names without folder, into OUTPUT. Run by cmake -P.
set(arrays)
set(cases)
set(number 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {${bytes}};\n")
  string(APPEND cases "  if (name == \"${name}\") return view(kFile${number});\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT}
"#include \"${HEADER}\"

#include <cstddef>

namespace sphereface {
namespace {

template <size_t N>
std::string_view view(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N};
}

${arrays}
}  // namespace

std::string_view ${FUNCTION}(std::string_view name) {
${cases}  return {};
}

}  // namespace sphereface
")
