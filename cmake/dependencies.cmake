# What we build on, checked by version; what is missing is named with the command that installs it.

find_package(PkgConfig QUIET)
if(NOT PKG_CONFIG_FOUND)
    message(FATAL_ERROR "pkg-config is missing.\n  Debian and Ubuntu: apt-get install pkg-config")
endif()

function(mytosis_require module version package hint)
    pkg_check_modules(${module} QUIET IMPORTED_TARGET ${module}>=${version})
    if(NOT ${module}_FOUND)
        pkg_check_modules(any_${module} QUIET ${module})
        if(any_${module}_FOUND)
            set(found "found ${any_${module}_VERSION}")
        else()
            set(found "not found")
        endif()
        message(FATAL_ERROR "${module} ${version} or later is needed (${found})${hint}.\n"
                            "  Debian and Ubuntu: apt-get install ${package}")
    endif()
endfunction()

# What libmytosis itself is built on; whoever links it statically needs all of it again.
set(library_requires)
macro(mytosis_library_require module version package hint)
    mytosis_require(${module} ${version} ${package} "${hint}")
    list(APPEND library_requires ${module}>=${version})
endmacro()

mytosis_library_require(libzstd 1.5 libzstd-dev "")
if(MYTOSIS_WITH_LMDB)
    mytosis_library_require(lmdb 0.9.24 liblmdb-dev " by the storage on disk; MYTOSIS_WITH_LMDB=OFF leaves it out")
endif()
if(MYTOSIS_WITH_UV)
    mytosis_library_require(libuv 1.44 libuv1-dev " by loops and threads; MYTOSIS_WITH_UV=OFF leaves them out")
endif()
if(MYTOSIS_BUILD_TESTS)
    mytosis_require(cmocka 1.1.5 libcmocka-dev " by the tests; MYTOSIS_BUILD_TESTS=OFF leaves them out")
endif()
