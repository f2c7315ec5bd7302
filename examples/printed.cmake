# Runs an example, and compares what it prints with what its first comment says that it prints: the lines that are set in
# behind "It prints". A word N stands for any number there.
# Usage: cmake -DSOURCE=FILE -DPROGRAM=FILE -P printed.cmake

file(READ ${SOURCE} source)
if(NOT source MATCHES "It prints[^:]*:\n \\*\n(( \\*(     [^\n]*)?\n)+)")
    message(FATAL_ERROR "${SOURCE} does not say what it prints")
endif()
set(wanted "\n${CMAKE_MATCH_1}")
string(REPLACE "\n *     " "\n" wanted "${wanted}")
string(REPLACE "\n *\n" "\n\n" wanted "${wanted}")
string(STRIP "${wanted}" wanted)

string(REGEX REPLACE "([][+.*()^$?|\\\\])" "\\\\\\1" pattern "${wanted}")
string(REGEX REPLACE " N([ ,;\n])" " [0-9]+[.]?[0-9]*\\1" pattern "${pattern}\n")

execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed RESULT_VARIABLE code)
string(REPLACE "\r\n" "\n" printed "${printed}")
if(NOT code EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ends with ${code}, after it printed\n${printed}")
elseif(NOT printed MATCHES "^${pattern}$")
    message(FATAL_ERROR "${PROGRAM} prints\n${printed}\nand not, as it says,\n${wanted}")
endif()
