# Writes the data files of every language folder as C arrays.
#   cmake -DROOT=<this folder> -DLANGUAGES="c;cpp;..." -DOUTPUT=<file> -P embed.cmake
# For each id: gram_data_<id>_kinds, ..._fillings, ..._contexts, gram_data_<id>_queries,
# gram_data_<id>_rules and gram_data_<id>_refactorings; and gram_data_review and gram_data_refactor. A
# file that says "; as: <id>" stands for the one of the same name of that language. A byte list instead of a string literal, because ISO C only promises literals of 4095 bytes.

function(append_bytes name path)
  file(READ "${path}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  string(APPEND text "static const char ${name}[] = {\n${bytes}0};\n")
  set(text "${text}" PARENT_SCOPE)
endfunction()

# An array of gram_query rows, one a file; names in C have no dashes.
function(append_files array files)
  set(rows "")
  foreach(file ${files})
    get_filename_component(name "${file}" NAME_WE)
    string(REPLACE "-" "_" symbol "${array}_${name}")
    file(READ "${file}" said LIMIT 64)
    if(said MATCHES "^; as: ([a-z]+)\n$")
      string(REPLACE "/${id}/" "/${CMAKE_MATCH_1}/" file "${file}")
    endif()
    append_bytes(${symbol} "${file}")
    string(APPEND rows "    {\"${name}\", ${symbol}},\n")
  endforeach()
  string(APPEND text "static const struct gram_query ${array}[] = {\n${rows}    {NULL, NULL}};\n")
  set(text "${text}" PARENT_SCOPE)
endfunction()

set(text "/* Made by embed.cmake. */\n")
foreach(id ${LANGUAGES})
  append_bytes(gram_data_${id}_kinds "${ROOT}/${id}/kinds")
  append_bytes(gram_data_${id}_fillings "${ROOT}/${id}/fillings")
  append_bytes(gram_data_${id}_contexts "${ROOT}/${id}/contexts")
  file(GLOB queries "${ROOT}/${id}/queries/*.scm")
  append_files(gram_data_${id}_queries "${queries}")
  file(GLOB rules "${ROOT}/${id}/review/*.scm")
  append_files(gram_data_${id}_rules "${rules}")
  file(GLOB rules "${ROOT}/${id}/refactor/*.rule")
  append_files(gram_data_${id}_refactorings "${rules}")
endforeach()
file(GLOB common "${ROOT}/review/*")
append_files(gram_data_review "${common}")
file(GLOB common "${ROOT}/refactor/*")
append_files(gram_data_refactor "${common}")
file(WRITE "${OUTPUT}" "${text}")
