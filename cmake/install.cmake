# What `make install` puts where; DESTDIR and CMAKE_INSTALL_* are honoured.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mytosis)
install(TARGETS mytosis mytosis_static mytosis_conformance mytosis_sim EXPORT mytosisTargets)
install(EXPORT mytosisTargets NAMESPACE mytosis:: DESTINATION ${package_dir})
configure_package_config_file(
    cmake/mytosisConfig.cmake.in ${PROJECT_BINARY_DIR}/mytosisConfig.cmake
    INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/mytosisConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mytosisConfig.cmake ${PROJECT_BINARY_DIR}/mytosisConfigVersion.cmake
        DESTINATION ${package_dir})
install(DIRECTORY include/mytosis DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h PATTERN *.hpp)
if(TARGET mytosis_cli)
    install(TARGETS mytosis_cli)
endif()

# The pkg-config file finds its prefix from where it lies, so that the tree may be moved; with folders
# outside the prefix, it names them.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
    set(pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
    set(pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
    cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
               BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig OUTPUT_VARIABLE up)
    set(pc_prefix "\${pcfiledir}/${up}")
    set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
string(REGEX REPLACE "([^;]+)>=" "\\1 >= " pc_requires "${library_requires}")
string(REPLACE ";" ", " pc_requires "${pc_requires}")
set(pc_libs_private)
foreach(library IN LISTS CMAKE_DL_LIBS)
    string(APPEND pc_libs_private " -l${library}")
endforeach()
foreach(file mytosis.pc mytosis-conformance.pc mytosis-sim.pc)
    configure_file(cmake/${file}.in ${PROJECT_BINARY_DIR}/${file} @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

foreach(section 1 3 5 7 8)
    file(GLOB pages CONFIGURE_DEPENDS man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

file(GLOB documents CONFIGURE_DEPENDS docs/*.md README.md CHANGELOG.md)
install(FILES LICENSE ${documents} DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Units of systemd, with the command as it is installed.
if(TARGET mytosis_cli)
    set(mytosis ${CMAKE_INSTALL_FULL_BINDIR}/mytosis)
    foreach(whose system user)
        configure_file(packaging/systemd/${whose}/mytosis@.service
                       ${PROJECT_BINARY_DIR}/systemd/${whose}/mytosis@.service @ONLY)
        install(FILES ${PROJECT_BINARY_DIR}/systemd/${whose}/mytosis@.service DESTINATION lib/systemd/${whose})
    endforeach()
endif()

# Shell completion, under the file name that each shell looks for.
function(install_completion file folder name)
    if(EXISTS ${PROJECT_SOURCE_DIR}/completions/${file})
        install(FILES completions/${file} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder} RENAME ${name})
    endif()
endfunction()
install_completion(mytosis.bash bash-completion/completions mytosis)
install_completion(mytosis.zsh zsh/site-functions _mytosis)
install_completion(mytosis.fish fish/vendor_completions.d mytosis.fish)
