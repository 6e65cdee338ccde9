// Shapes and a registry of them.
#pragma once
#include <vector>
//        ^^^^^^ import "vector"
#include "geometry/point.hpp"
//        ^^^^^^^^^^^^^^^^^^ import "geometry/point.hpp"

using std::vector;
//    ^^^ import "std"
using namespace geometry::literals;
//              ^^^^^^^^^^^^^^^^^^ import "geometry::literals"

#define SHAPE_LOG(message) std::clog << (message) << "\n"
//      ^^^^^^^^^ function SHAPE_LOG

namespace geometry::shapes {
//                  ^^^^^^ module geometry.shapes

template <typename T>
concept Measurable = requires(T t) { t.area(); };
//      ^^^^^^^^^^ type geometry.shapes.Measurable

/// A number with a unit.
/// Copies are cheap.
template <typename T, int Scale = 1>
class Length : public Base<T> {
//    ^^^^^^ class geometry.shapes.Length doc="A number with a unit. Copies are cheap."
//                    ^^^^ type
 public:
  Length() = default;
  explicit Length(T value) : value_(value) { check(value); }
//         ^^^^^^ method geometry.shapes.Length.Length
//                                           ^^^^^ call
  virtual ~Length() { release(); }
//        ^^^^^^^ method geometry.shapes.Length.~Length

  /// Converts, rounding down.
  template <typename U>
  auto to() const -> U { return round_down<U>(value_); }
//     ^^ method geometry.shapes.Length.to doc="Converts, rounding down."
//                              ^^^^^^^^^^ call
  bool operator==(const Length &other) const { return value_ == other.value_; }
//     ^^^^^^^^^^ method geometry.shapes.Length.operator==
  explicit operator bool() const { return value_ != 0; }
//         ^^^^^^^^ method geometry.shapes.Length.operator
  T *data() { return &value_; }
//   ^^^^ method geometry.shapes.Length.data
  const T &value() const { return value_; }
//         ^^^^^ method geometry.shapes.Length.value
  void print(std::ostream &out) const;
  virtual T scaled(int by) const = 0;

  struct Hash {
//       ^^^^ class geometry.shapes.Length.Hash
    size_t operator()(const Length &length) const { return mix(length.value_); }
//         ^^^^^^^^^^ method geometry.shapes.Length.Hash.operator()
  };
  enum class Unit { Metre, Foot };
//           ^^^^ enum geometry.shapes.Length.Unit

 private:
  T value_{0};
};

template <typename T, int Scale>
void Length<T, Scale>::print(std::ostream &out) const {
//                     ^^^^^ method geometry.shapes.Length.print
  out.write(name_of(*this));
//          ^^^^^^^ call
  auto label = fmt::format<char>("{}", value_);
//                  ^^^^^^ call
  auto *copy = new Label(label);
//                 ^^^^^ type
  if (copy == nullptr) throw std::bad_alloc();
//                                ^^^^^^^^^ call
}

template <>
struct Traits<int> {
//     ^^^^^^ class geometry.shapes.Traits
  static constexpr int kDigits = 9;
};

using Metres = Length<double, 1000>;
//    ^^^^^^ type geometry.shapes.Metres
//             ^^^^^^ type
template <typename T>
using Lengths = vector<Length<T>>;
//    ^^^^^^^ type geometry.shapes.Lengths

class Forward;
std::unique_ptr<Forward> forward(int value);
//                       ^^^^^^^ function geometry.shapes.forward
static void only_here();

}  // namespace geometry::shapes

namespace {

constexpr const char *kNames[] = {
//                    ^^^^^^ constant kNames
  "круг",
  "square",
};

/* 🟦🟩 */ int &counter() { static int count = 0; return count; }
//              ^^^^^^^ function counter

}  // namespace

// Draws `shape` twice.
template <Measurable S>
void draw_twice(const S &shape) requires Visible<S> {
//   ^^^^^^^^^^ function draw_twice doc="Draws `shape` twice."
  auto once = [&](int x) { return shape.draw(x); };
//                                      ^^^^ call
  once(Registry::kDefault);
//     ^^^^^^^^ name
//               ^^^^^^^^ name
}

int *Registry::find(const std::string &name) { return index_.find(name); }
//             ^^^^ method Registry.find
const Shape &Registry::at(int i) const { return shapes_[i]; }
//                     ^^ method Registry.at
void outer::Registry::clear() {}
//                    ^^^^^ method Registry.clear
Registry::~Registry() { clear(); }
//        ^^^^^^^^^ method Registry.~Registry
//                      ^^^^^ call
Registry::operator int() const { return size(); }
//        ^^^^^^^^ method Registry.operator
int Registry::instances = 0;

std::ostream &operator<<(std::ostream &out, const Shape &shape) { return out << shape.name(); }
//            ^^^^^^^^^^ function operator<<

typedef struct { int x, y; } Cell;
//                           ^^^^ class Cell
typedef void (*Visitor)(const Shape &shape);
//             ^^^^^^^ type Visitor
union Pixel { unsigned word; unsigned char bytes[4]; };
//    ^^^^^ class Pixel

class SHAPES_EXPORT Canvas {
//                  ^^^^^^ class Canvas
  void paint() { draw_twice(circle_); }
//     ^^^^^ function Canvas.paint
//               ^^^^^^^^^^ call
};

extern "C" int shapes_version(void) { return 3; }
//             ^^^^^^^^^^^^^^ function shapes_version

TEST_F(RegistryTest, FindsByName) {
//                   ^^^^^^^^^^^ function RegistryTest.FindsByName
  EXPECT_EQ(Registry().find("круг"), nullptr);
//^^^^^^^^^ call
}
