// Sums of products by index notation: every pair of operands becomes one batched matrix product.
#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "ops/matmul.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// Subscripts are numbers: letters first ('A'..'Z', 'a'..'z'), then the dimensions of "...".
constexpr int kLetters = 52, kLabels = kLetters + kMaxDims;
constexpr int kEllipsis = -1;

int label_of(char c) { return c <= 'Z' ? c - 'A' : c - 'a' + 26; }
char letter_of(int label) { return static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26); }
std::string name_of(int label) {
  return label < kLetters ? std::string(1, letter_of(label)) : "...";
}

// One term, such as "b...ij".
std::vector<int> parse_term(std::string_view term, size_t at) {
  std::vector<int> labels;
  bool ellipsis = false;
  for (size_t i = 0; i < term.size(); ++i) {
    char c = term[i];
    if (c == ' ') continue;
    if (term.substr(i, 3) == "...") {
      PF_CHECK(!ellipsis, Runtime, "einsum(): found '.' in '", term,
               "' for which an ellipsis was already found");
      ellipsis = true;
      labels.push_back(kEllipsis);
      i += 2;
      continue;
    }
    PF_CHECK(c != '.', Runtime, "einsum(): found '.' in '", term,
             "' that is not part of any ellipsis");
    PF_CHECK(std::isalpha(static_cast<unsigned char>(c)), Runtime,
             "einsum(): invalid subscript given at index ", at + i,
             " in the equation string, subscripts must be in [a-zA-Z]");
    labels.push_back(label_of(c));
  }
  return labels;
}

struct Equation {
  std::vector<std::vector<int>> terms;
  std::vector<int> output;
  bool has_output = false;
};

Equation parse(std::string_view text) {
  Equation e;
  size_t arrow = text.find("->");
  std::string_view inputs = text.substr(0, arrow);
  for (size_t start = 0;;) {
    size_t comma = inputs.find(',', start);
    e.terms.push_back(parse_term(
        inputs.substr(start, comma == std::string_view::npos ? comma : comma - start), start));
    if (comma == std::string_view::npos) break;
    start = comma + 1;
  }
  if (arrow != std::string_view::npos) {
    e.has_output = true;
    e.output = parse_term(text.substr(arrow + 2), arrow + 2);
  }
  return e;
}

// An operand with its "..." written out and repeated subscripts reduced to their diagonal.
struct Term {
  Tensor t;
  std::vector<int> labels;
};

Term expand_term(const Tensor& operand, const std::vector<int>& labels, size_t number,
                 int64_t ellipsis_dims) {
  bool ellipsis = std::find(labels.begin(), labels.end(), kEllipsis) != labels.end();
  int64_t named = static_cast<int64_t>(labels.size()) - ellipsis, dots = operand.dim() - named;
  PF_CHECK(ellipsis ? dots >= 0 : dots == 0, Runtime,
           "einsum(): the number of subscripts in the equation (", named, ") ",
           ellipsis ? "is more than" : "does not match", " the number of dimensions (",
           operand.dim(), ") for operand ", number, ellipsis ? "" : " and no ellipsis was given");
  Term term{operand, {}};
  for (int label : labels) {
    if (label == kEllipsis) {
      for (int64_t d = 0; d < dots; ++d)
        term.labels.push_back(static_cast<int>(kLetters + ellipsis_dims - dots + d));
    } else {
      term.labels.push_back(label);
    }
  }
  for (size_t i = 0; i < term.labels.size();) {
    auto again = std::find(term.labels.begin() + static_cast<int64_t>(i) + 1, term.labels.end(),
                           term.labels[i]);
    if (again == term.labels.end()) {
      ++i;
      continue;
    }
    int label = term.labels[i];
    int64_t a = static_cast<int64_t>(i), b = again - term.labels.begin();
    PF_CHECK(term.t.size(a) == term.t.size(b), Runtime, "einsum(): subscript ", name_of(label),
             " is repeated for operand ", number, " but the sizes don't match, ", term.t.size(b),
             " != ", term.t.size(a));
    term.t = diagonal(term.t, 0, a, b);  // the diagonal becomes the last dimension
    term.labels.erase(term.labels.begin() + b);
    term.labels.erase(term.labels.begin() + a);
    term.labels.push_back(label);
  }
  return term;
}

// All subscripts in one order, absent ones as dimensions of size 1.
Tensor align(const Term& term, const std::vector<int>& order) {
  Dims permutation, sizes;
  for (int label : order) {
    auto at = std::find(term.labels.begin(), term.labels.end(), label);
    if (at == term.labels.end()) {
      sizes.push_back(1);
    } else {
      permutation.push_back(at - term.labels.begin());
      sizes.push_back(term.t.size(permutation.back()));
    }
  }
  return reshape(permute(term.t, permutation), sizes);
}

Tensor sum_over(const Tensor& t, const Dims& dims) {
  return dims.empty() ? t : sum_dims(t, IntSpan(dims), true, t.dtype());
}

int64_t product_of(const Tensor& t, const Dims& dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= t.size(d);
  return n;
}

// The product of two aligned operands summed over dims, which stay as size 1.
Tensor multiply_pair(Tensor a, Tensor b, const Dims& dims) {
  Dims both, only_a, only_b, summed, sum_a, sum_b;
  for (int64_t d = 0; d < a.dim(); ++d) {
    bool in_a = a.size(d) != 1, in_b = b.size(d) != 1;
    bool gone = std::find(dims.begin(), dims.end(), d) != dims.end();
    if (in_a && in_b) {
      (gone ? summed : both).push_back(d);
    } else if (gone) {
      if (in_a) sum_a.push_back(d);
      if (in_b) sum_b.push_back(d);
    } else if (in_b) {
      only_b.push_back(d);
    } else {
      only_a.push_back(d);
    }
  }
  a = sum_over(a, sum_a);
  b = sum_over(b, sum_b);
  if (summed.empty()) return mul(a, b);
  auto order = [](std::initializer_list<const Dims*> parts, const Dims& rest) {
    Dims all;
    for (const Dims* part : parts)
      for (int64_t d : *part) all.push_back(d);
    for (int64_t d : rest) all.push_back(d);
    return all;
  };
  // Dimensions of size 1 of one operand go to its end, where reshape drops them.
  Dims pa = order({&both, &only_a, &summed}, only_b), pb = order({&both, &summed, &only_b}, only_a);
  for (Dims* p : {&pa, &pb})
    for (int64_t d = 0; d < a.dim(); ++d)
      if (std::find(p->begin(), p->end(), d) == p->end()) p->push_back(d);
  int64_t n = product_of(a, both), rows = product_of(a, only_a), depth = product_of(a, summed),
          columns = product_of(b, only_b);
  Tensor left = permute(a, pa), right = permute(b, pb), y;
  if (both.empty()) {
    y = mm(reshape(left, {rows, depth}), reshape(right, {depth, columns}));
  } else {
    y = bmm(reshape(left, {n, rows, depth}), reshape(right, {n, depth, columns}));
  }
  Dims sizes, from = order({&both, &only_a, &only_b}, summed), back(a.dim(), 0);
  for (int64_t d = 0; d < a.dim(); ++d)
    if (std::find(from.begin(), from.end(), d) == from.end()) from.push_back(d);
  for (int64_t i = 0; i < from.size(); ++i) {
    int64_t d = from[i];
    bool gone = std::find(summed.begin(), summed.end(), d) != summed.end();
    sizes.push_back(gone ? 1 : a.size(d) == 1 ? b.size(d) : a.size(d));
    back[d] = i;
  }
  return permute(reshape(y, sizes), back);
}

}  // namespace

Tensor einsum(std::string_view text, const std::vector<Tensor>& operands) {
  PF_CHECK(!operands.empty(), Value, "einsum(): must provide at least one operand");
  Equation e = parse(text);
  PF_CHECK(e.terms.size() >= operands.size(), Runtime,
           "einsum(): more operands were provided than specified in the equation '", text,
           "': ", operands.size(), " for ", e.terms.size());
  PF_CHECK(e.terms.size() <= operands.size(), Runtime,
           "einsum(): fewer operands were provided than specified in the equation '", text,
           "': ", operands.size(), " for ", e.terms.size());
  int64_t dots = 0;
  for (size_t i = 0; i < operands.size(); ++i)
    if (std::find(e.terms[i].begin(), e.terms[i].end(), kEllipsis) != e.terms[i].end())
      dots = std::max(dots, operands[i].dim() - static_cast<int64_t>(e.terms[i].size()) + 1);
  std::vector<Term> terms;
  std::array<int64_t, kLabels> size{}, uses{};
  size.fill(-1);
  for (size_t i = 0; i < operands.size(); ++i) {
    for (int label : e.terms[i])
      if (label != kEllipsis) ++uses[label];
    terms.push_back(expand_term(operands[i], e.terms[i], i, dots));
    const Term& term = terms.back();
    for (size_t d = 0; d < term.labels.size(); ++d) {
      int64_t n = term.t.size(static_cast<int64_t>(d));
      int64_t& known = size[term.labels[d]];
      PF_CHECK(known < 0 || known == 1 || n == 1 || known == n, Runtime, "einsum(): subscript ",
               name_of(term.labels[d]), " has size ", n, " for operand ", i,
               " which does not broadcast with previously seen size ", known);
      if (known < 0 || known == 1) known = n;
    }
  }
  // Output subscripts first, then those that are summed over.
  std::vector<int> order;
  auto add_dots = [&] {
    for (int64_t d = 0; d < dots; ++d) order.push_back(static_cast<int>(kLetters + d));
  };
  if (e.has_output) {
    for (int label : e.output) {
      if (label == kEllipsis) {
        add_dots();
        continue;
      }
      PF_CHECK(size[label] >= 0, Runtime, "einsum(): output subscript ", name_of(label),
               " does not appear in the equation for any input operand");
      PF_CHECK(std::find(order.begin(), order.end(), label) == order.end(), Runtime,
               "einsum(): output subscript ", name_of(label),
               " appears more than once in the output");
      order.push_back(label);
    }
  } else {
    add_dots();
    for (int label = 0; label < kLetters; ++label)
      if (uses[label] == 1) order.push_back(label);
  }
  size_t n_output = order.size();
  for (int label = 0; label < kLabels; ++label)
    if (size[label] >= 0 && std::find(order.begin(), order.end(), label) == order.end())
      order.push_back(label);
  // Each summed subscript goes with the last operand that has it.
  std::vector<Dims> sums(terms.size());
  for (size_t d = n_output; d < order.size(); ++d)
    for (size_t i = terms.size(); i-- > 0;)
      if (std::find(terms[i].labels.begin(), terms[i].labels.end(), order[d]) !=
          terms[i].labels.end()) {
        sums[i].push_back(static_cast<int64_t>(d));
        break;
      }
  Tensor y = sum_over(align(terms[0], order), sums[0]);
  for (size_t i = 1; i < terms.size(); ++i) y = multiply_pair(y, align(terms[i], order), sums[i]);
  Dims sizes;
  for (size_t d = 0; d < n_output; ++d) sizes.push_back(y.size(static_cast<int64_t>(d)));
  return y.sizes() == IntSpan(sizes) && operands.size() > 1 ? y : reshape(y, sizes);
}

PF_OP(einsum, "einsum(str equation, Tensor[] operands) -> Tensor", kFunction,
      "Sum of products in index notation: einsum('bij,bjk->bik', x, y). Operands follow one by one "
      "or as a list.")

}  // namespace pyforge::ops
