#!/usr/bin/env bash
# Every example is built outside of the tree and runs, in each way that a program can have the library, shared and
# static: from an installed tree by pkg-config and by find_package, and from a source folder by add_subdirectory; in C,
# and in C++.
# In C++ they are of four kinds: *.cpp; every header and every exported function of the library, together; C that is
# also C++20, which then runs; and C that converts void * or takes addresses of literals. Such C must compile with
# g++ -fpermissive, but for arrays that are literals, and is not run: in C++ these do not live as long.
# Usage: examples.sh BUILD_FOLDER SOURCE_FOLDER    (environment: CC, CXX, CMAKE)
set -euo pipefail
build=$1
source=$2
cc=${CC:-cc}
cmake=${CMAKE:-cmake}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cxx=${CXX:-$(command -v g++ || command -v c++ || true)}
[ -n "$cxx" ] || { echo "there is no compiler for C++"; exit 77; }
jobs=$(nproc)
permissive=no
if echo | "$cxx" -fpermissive -Werror -x c++ -fsyntax-only - 2>permissive.log; then permissive=yes; fi

DESTDIR=$scratch/root "$cmake" --install "$build" --prefix /opt/mytosis >install.log
root=$scratch/root/opt/mytosis
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name mytosis.pc)")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir mytosis)
includedir=$(pkg-config --variable=includedir mytosis)

# The package of an example, by what it includes.
package() {
    if grep -q '^#include <mytosis/sim\.h>' "$1"; then echo mytosis-sim; else echo mytosis; fi
}
shared_flags() { pkg-config --cflags --libs "$(package "$1")"; }
# The archive in place of the shared library; libraries of others stay as they are.
static_flags() {
    pkg-config --static --cflags --libs "$(package "$1")" | sed "s#-lmytosis\( \|\$\)#$libdir/libmytosis.a #g"
}

# compile WAY SOURCE COMPILER...: to WAY/bin/examples/NAME, by the flags of the way.
compile() {
    local way=$1 file=$2 name
    shift 2
    name=$(basename "${file%.c}" .cpp)
    if [ "${file##*.}" = cpp ]; then name+=_cpp; fi
    mkdir -p "$way/bin/examples"
    # The flags are several words by nature.
    # shellcheck disable=SC2046
    "$@" "$file" $("${way#*-}_flags" "$file") -o "$way/bin/examples/$name" || {
        echo "$file: does not compile ($way)"
        exit 1
    }
}

# in_parallel FUNCTION ARGUMENT...: the function with each argument, as many at once as there are processors.
in_parallel() {
    local call=$1 each failed=0 running=0
    shift
    for each in "$@"; do
        if [ $running = "$jobs" ]; then
            wait -n || failed=1
            running=$((running - 1))
        fi
        "$call" "$each" &
        running=$((running + 1))
    done
    while [ $running -gt 0 ]; do
        wait -n || failed=1
        running=$((running - 1))
    done
    [ $failed = 0 ] || exit 1
}

# run WAY: what was made, in a folder of its own; what needs arguments runs by the scripts that are its tests.
run() {
    local way=$1 program name count=0
    for program in "$way"/bin/examples/*; do
        name=$(basename "$program")
        marked "$source/examples/$name.c" || marked "$source/examples/${name%_cpp}.cpp" || continue
        mkdir -p "$way/run/$name"
        (cd "$way/run/$name" && LD_LIBRARY_PATH=$libdir "$scratch/$program") >"$way/$name.log" 2>&1 </dev/null || {
            cat "$way/$name.log"
            echo "$name: fails ($way)"
            exit 1
        }
        count=$((count + 1))
    done
    if [ -x "$root/bin/mytosis" ] && [ -x "$way/bin/examples/packages_to_graph" ]; then
        ln -sf "$root/bin/mytosis" "$way/bin/mytosis"
        MYTOSIS_BIN=$scratch/$way/bin LD_LIBRARY_PATH=$libdir bash "$source/examples/packages_sample.sh" \
            >"$way/sample.log" 2>&1 || { cat "$way/sample.log"; echo "packages_sample.sh: fails ($way)"; exit 1; }
        count=$((count + 2))
    fi
    [ $count -gt 0 ] || { echo "$way: nothing ran"; exit 1; }
    echo "$way: $count of $(find "$way/bin/examples" -type f | wc -l) programs ran"
}
marked() { [ -f "$1" ] && grep -q '^/\* run by the tests \*/$' "$1"; }

# By pkg-config.
c_shared() { compile c-shared "$1" "$cc" -std=c11; }
c_static() { compile c-static "$1" "$cc" -std=c11; }
cpp_shared() { compile cpp-shared "$1" "$cxx" -std=c++17; }
cpp_static() { compile cpp-static "$1" "$cxx" -std=c++17; }
in_parallel c_shared "$source"/examples/*.c
in_parallel c_static "$source"/examples/*.c
in_parallel cpp_shared "$source"/examples/*.cpp
in_parallel cpp_static "$source"/examples/*.cpp

# C as C++.
c_as_cpp() {
    local name
    name=$(basename "$1" .c)
    mkdir -p as-cpp
    if "$cxx" -std=c++20 -w -I"$includedir" -fsyntax-only -x c++ "$1" 2>"as-cpp/$name.strict"; then
        compile c_as_cpp-shared "$1" "$cxx" -std=c++20 -w -x c++
    elif [ $permissive = yes ]; then
        local literals='(taking address of temporary array|lvalue required as unary .*)'
        "$cxx" -std=c++20 -fpermissive -w '-D_Noreturn=__attribute__((noreturn))' -I"$includedir" -fsyntax-only \
            -x c++ "$1" 2>"as-cpp/$name.permissive" || true
        if grep 'error:' "as-cpp/$name.permissive" |
            grep -vE "^$source/examples/.* error: $literals\$"; then
            echo "$1: does not compile as C++"
            exit 1
        fi
    fi
}
in_parallel c_as_cpp "$source"/examples/*.c

# Every header at once, and every function by its address: all have the linkage of C, in both libraries.
{
    (cd "$includedir" && find mytosis -name '*.h' -o -name '*.hpp') | LC_ALL=C sort | sed 's/.*/#include <&>/'
    echo '#include <iostream>'
    echo 'typedef void (*function)();'
    echo 'static const function all[] = {'
    nm -D -P --defined-only "$libdir/libmytosis.so" |
        sed -n 's/^\(mt_[A-Za-z0-9_]*\)@.*/    reinterpret_cast<function>(\&\1),/p'
    echo '};'
    echo 'int main() { std::cout << sizeof all / sizeof *all << " functions" << std::endl; return all[0] == nullptr; }'
} >every_function.cpp
cpp_shared every_function.cpp
cpp_static every_function.cpp
for way in shared static; do
    LD_LIBRARY_PATH=$libdir "cpp-$way/bin/examples/every_function_cpp" >"every-$way.txt"
    rm "cpp-$way/bin/examples/every_function_cpp"
done
echo "C++, every header: $(cat every-shared.txt)"

# By CMake: the same lists of programs for an installed tree and for a subfolder.
mkdir cmake
cat >cmake/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(examples C CXX)
if(SUBFOLDER)
    add_subdirectory(${SUBFOLDER} mytosis)
else()
    find_package(mytosis 0.1 REQUIRED)
endif()
set(CMAKE_CXX_STANDARD 17)
foreach(kind mytosis static)
    file(GLOB files ${EXAMPLES}/*.c ${EXAMPLES}/*.cpp)
    foreach(file IN LISTS files)
        cmake_path(GET file STEM name)
        if(file MATCHES "\\.cpp$")
            string(APPEND name _cpp)
        endif()
        file(STRINGS ${file} simulated REGEX "^#include <mytosis/sim\\.h>")
        set(others)
        if(simulated AND kind STREQUAL "static") # an installed mytosis::sim asks for the shared library
            continue()
        elseif(simulated)
            set(others mytosis::sim)
        endif()
        add_executable(${kind}_${name} ${file})
        set_target_properties(${kind}_${name} PROPERTIES OUTPUT_NAME ${name}
                              RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${kind}/bin/examples)
        target_link_libraries(${kind}_${name} PRIVATE ${others} mytosis::${kind})
    endforeach()
endforeach()
END
# by_cmake NAME OPTION...
by_cmake() {
    local name=$1
    shift
    {
        "$cmake" -S cmake -B "$name" -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
            -DEXAMPLES="$source/examples" "$@" &&
            "$cmake" --build "$name" --parallel "$jobs"
    } >"$name.log" 2>&1 || { tail -n 40 "$name.log"; echo "$name: does not build"; exit 1; }
}
generator=()
if command -v ninja >/dev/null; then generator=(-G Ninja); fi
by_cmake find_package "${generator[@]}" -DCMAKE_PREFIX_PATH="$root"
by_cmake add_subdirectory "${generator[@]}" -DSUBFOLDER="$source"

for way in c-shared c-static cpp-shared cpp-static c_as_cpp-shared find_package/mytosis find_package/static \
    add_subdirectory/mytosis add_subdirectory/static; do
    run $way
done
strict=$(find c_as_cpp-shared/bin/examples -type f | wc -l)
echo "C examples that are C++20: $strict; that only g++ -fpermissive takes: $(find as-cpp -name '*.permissive' | wc -l)"
