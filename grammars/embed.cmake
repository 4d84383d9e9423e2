# Writes the data files of every language folder as C arrays.
#   cmake -DROOT=<this folder> -DLANGUAGES="c;cpp;..." -DOUTPUT=<file> -P embed.cmake
# For each id: gram_data_<id>_kinds, gram_data_<id>_fillings and gram_data_<id>_queries. A
# byte list instead of a string literal, because ISO C only promises literals of 4095 bytes.

function(append_bytes name path)
  file(READ "${path}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  string(APPEND text "static const char ${name}[] = {\n${bytes}0};\n")
  set(text "${text}" PARENT_SCOPE)
endfunction()

set(text "/* Made by embed.cmake. */\n")
foreach(id ${LANGUAGES})
  append_bytes(gram_data_${id}_kinds "${ROOT}/${id}/kinds")
  append_bytes(gram_data_${id}_fillings "${ROOT}/${id}/fillings")
  file(GLOB queries "${ROOT}/${id}/queries/*.scm")
  set(rows "")
  foreach(query ${queries})
    get_filename_component(name "${query}" NAME_WE)
    append_bytes(gram_data_${id}_query_${name} "${query}")
    string(APPEND rows "    {\"${name}\", gram_data_${id}_query_${name}},\n")
  endforeach()
  string(APPEND text "static const struct gram_query gram_data_${id}_queries[] = {\n${rows}    {NULL, NULL}};\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}")
