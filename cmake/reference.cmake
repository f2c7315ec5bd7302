# The reference, made of the public headers: man pages of section 3, and HTML. Also built alone, as target `reference`.

find_package(Python3 QUIET COMPONENTS Interpreter)
if(NOT Python3_FOUND)
    message(STATUS "Python 3 not found: the man pages of section 3 and the reference in HTML are left out")
    return()
endif()

set(reference ${PROJECT_BINARY_DIR}/reference)
file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/mytosis/*.h include/mytosis/*.hpp)
add_custom_command(
    OUTPUT ${reference}/stamp
    COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/scripts/reference ${PROJECT_SOURCE_DIR} ${reference}
    COMMAND ${CMAKE_COMMAND} -E touch ${reference}/stamp
    DEPENDS ${headers} ${PROJECT_SOURCE_DIR}/scripts/reference ${PROJECT_SOURCE_DIR}/man/mytosis.1
    COMMENT "The reference of the library"
    VERBATIM)
add_custom_target(reference ALL DEPENDS ${reference}/stamp)
install(DIRECTORY ${reference}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(DIRECTORY ${reference}/html/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/reference)
