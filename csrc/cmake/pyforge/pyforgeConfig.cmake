# find_package(pyforge): what building custom ops needs.
#
#   pyforge::op        headers and compiler flags, for targets of one's own
#   pyforge_add_ops(<name> SOURCES <file>... [INSTRUCTION_SETS v2 v3 v4] [DESTINATION <folder>])
#                      one library per instruction set, <name>.v2.so and so on, for
#                      pyforge.utils.cpp_extension.load_package()
#
# It needs no pyforge library: a library of custom ops links to nothing.
get_filename_component(_pyforge_root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)

if(NOT TARGET pyforge::op)
  add_library(pyforge::op INTERFACE IMPORTED)
  target_include_directories(pyforge::op SYSTEM INTERFACE "${_pyforge_root}/include" "${_pyforge_root}")
  # The flags of load_inline(), but for the position of the code, which CMake knows how to ask for.
  file(STRINGS "${_pyforge_root}/include/pyforge/compile_flags.txt" _pyforge_flags)
  list(REMOVE_ITEM _pyforge_flags -std=c++20 -fPIC)
  target_compile_options(pyforge::op INTERFACE ${_pyforge_flags} $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  target_compile_features(pyforge::op INTERFACE cxx_std_20)
endif()

function(pyforge_add_ops name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DESTINATION" "SOURCES;INSTRUCTION_SETS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "pyforge_add_ops(<name> SOURCES <file>... [INSTRUCTION_SETS ...] [DESTINATION ...])")
  endif()
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    set(arg_INSTRUCTION_SETS generic)
  elseif(NOT arg_INSTRUCTION_SETS)
    set(arg_INSTRUCTION_SETS v2 v3 v4)
  endif()
  foreach(isa IN LISTS arg_INSTRUCTION_SETS)
    set(target ${name}_${isa})
    add_library(${target} MODULE ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE pyforge::op)
    set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME "${name}.${isa}"
                                               CXX_VISIBILITY_PRESET hidden CXX_STANDARD_REQUIRED ON)
    if(NOT isa STREQUAL "generic")
      target_compile_options(${target} PRIVATE -march=x86-64-${isa})
    endif()
    if(isa STREQUAL "v4")
      target_compile_options(${target} PRIVATE -mprefer-vector-width=512)
    endif()
    if(arg_DESTINATION)
      install(TARGETS ${target} LIBRARY DESTINATION "${arg_DESTINATION}")
    endif()
  endforeach()
endfunction()
