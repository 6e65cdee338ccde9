; C++. Patterns match at any depth, because unbalanced #ifdef blocks often put top-level code below an ERROR node; what
; is inside a function belongs to that function anyway. Names sit at the bottom of declarators, so each nesting of
; pointers and references that occurs in practice is spelled out. Of several patterns that match a node the first one
; decides on kind and name, so the order matters.

; ---- tests -----------------------------------------------------------------------------------------------------------

; TEST(Suite, Name) { … } and its kin
((function_definition
  !type
  declarator: (function_declarator
    declarator: (identifier) @_macro
    parameters: (parameter_list
      . (parameter_declaration type: (type_identifier) @scope !declarator)
      . (parameter_declaration type: (type_identifier) @name !declarator) .))
  body: (compound_statement) @body) @definition.function
  (#match? @_macro "^(TYPED_)?TEST(_[A-Z]+)?$"))

; TEST_CASE("name", "[tag]") { … } is a call and a block.
((expression_statement
  (call_expression
    function: (identifier) @_macro
    arguments: (argument_list . (string_literal (string_content) @name)))) @outer
  . (compound_statement) @body @definition.function
  (#match? @_macro "^[A-Z]+_[A-Z_]+$"))

; EXPORT_MACRO A::A(int a) : a_(a) { … }: the macro is taken for a type, and the first initialiser for the function.
(function_definition
  type: (type_identifier)
  . (ERROR
    (function_declarator
      declarator: (qualified_identifier
        scope: [(namespace_identifier) @scope (template_type name: (_) @scope)]
        name: (identifier) @name)))
  body: (compound_statement) @body) @definition.method

; ---- methods in a class ----------------------------------------------------------------------------------------------

(field_declaration_list
  (function_definition
    declarator: [
      (function_declarator declarator: [(identifier) (field_identifier) (operator_name) (destructor_name)] @name)
      (pointer_declarator declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name))
      (reference_declarator (function_declarator declarator: [(field_identifier) (operator_name)] @name))
      (operator_cast "operator" @name)
    ]
    body: (_) @body) @definition.method)

(field_declaration_list
  (template_declaration
    (function_definition
      declarator: [
        (function_declarator declarator: [(identifier) (field_identifier) (operator_name)] @name)
        (pointer_declarator declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name))
        (reference_declarator (function_declarator declarator: [(field_identifier) (operator_name)] @name))
        (operator_cast "operator" @name)
      ]
      body: (_) @body) @definition.method))

; Where an error hides the class, a destructor is still one.
(function_definition
  declarator: (function_declarator declarator: (destructor_name) @name)
  body: (_) @body) @definition.method

; ---- free functions --------------------------------------------------------------------------------------------------

(function_definition
  declarator: [
    (function_declarator declarator: [(identifier) (operator_name)] @name)
    (pointer_declarator declarator: (function_declarator declarator: [(identifier) (operator_name)] @name))
    (pointer_declarator
      declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
    (reference_declarator (function_declarator declarator: [(identifier) (operator_name)] @name))
    (function_declarator declarator: (template_function name: (identifier) @name))
    ; TEST_IMPL(name) { … }
    (parenthesized_declarator (identifier) @name)
    (function_declarator declarator: (parenthesized_declarator (identifier) @name))
  ]
  body: (_) @body) @definition.function

; A prototype that is not static is what a header offers. Those of constructors have no type.
((declaration
  type: (_)
  declarator: [
    (function_declarator declarator: [(identifier) (operator_name)] @name)
    (pointer_declarator declarator: (function_declarator declarator: [(identifier) (operator_name)] @name))
    (reference_declarator (function_declarator declarator: [(identifier) (operator_name)] @name))
  ]) @definition.function
  (#not-match? @definition.function "^static"))

(preproc_function_def name: (identifier) @name value: (preproc_arg) @body) @definition.function

; ---- methods outside their class: A::b, A<T>::b, A::B::c ----------------------------------------------------------------

(function_definition
  declarator: [
    (function_declarator
      declarator: (qualified_identifier
        scope: [(namespace_identifier) @scope (template_type name: (_) @scope)]
        name: [(identifier) (operator_name) (destructor_name)] @name))
    (pointer_declarator
      declarator: (function_declarator
        declarator: (qualified_identifier
          scope: [(namespace_identifier) @scope (template_type name: (_) @scope)]
          name: [(identifier) (operator_name)] @name)))
    (reference_declarator
      (function_declarator
        declarator: (qualified_identifier
          scope: [(namespace_identifier) @scope (template_type name: (_) @scope)]
          name: [(identifier) (operator_name)] @name)))
    (qualified_identifier
      scope: [(namespace_identifier) @scope (template_type name: (_) @scope)]
      name: (operator_cast "operator" @name))
    (function_declarator
      declarator: (qualified_identifier
        scope: (_)
        name: (qualified_identifier
          scope: [(namespace_identifier) @scope (template_type name: (_) @scope)]
          name: [(identifier) (operator_name) (destructor_name)] @name)))
    (pointer_declarator
      declarator: (function_declarator
        declarator: (qualified_identifier
          scope: (_)
          name: (qualified_identifier
            scope: [(namespace_identifier) @scope (template_type name: (_) @scope)]
            name: [(identifier) (operator_name)] @name))))
    (reference_declarator
      (function_declarator
        declarator: (qualified_identifier
          scope: (_)
          name: (qualified_identifier
            scope: [(namespace_identifier) @scope (template_type name: (_) @scope)]
            name: [(identifier) (operator_name)] @name))))
  ]
  body: (_) @body) @definition.method

; ---- types -----------------------------------------------------------------------------------------------------------

; `class A { … };` only: as a part of a longer declaration it belongs to that.
((class_specifier
  name: [(type_identifier) @name (template_type name: (_) @name) (qualified_identifier name: (type_identifier) @name)]
  body: (field_declaration_list) @body) @definition.class . ";")
((struct_specifier
  name: [(type_identifier) @name (template_type name: (_) @name) (qualified_identifier name: (type_identifier) @name)]
  body: (field_declaration_list) @body) @definition.class . ";")
((union_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @definition.class . ";")
((enum_specifier name: (type_identifier) @name body: (enumerator_list) @body) @definition.enum . ";")


; `class EXPORT_MACRO A { … };` is taken for a function that returns `class EXPORT_MACRO`, with and without bases.
(function_definition
  type: [(class_specifier !body) (struct_specifier !body)]
  . declarator: (identifier) @name
  body: (compound_statement) @body) @definition.class
(function_definition
  type: [(class_specifier !body) (struct_specifier !body)]
  . (ERROR . (identifier) @name)
  body: (compound_statement) @body) @definition.class

; In such a class the first method after `public:` is taken for a variable.
(labeled_statement
  (declaration
    declarator: (init_declarator
      declarator: (function_declarator declarator: (identifier) @name)
      value: (initializer_list) @body)) @definition.function)

(type_definition
  type: (struct_specifier body: (field_declaration_list) @body)
  . declarator: (type_identifier) @name) @definition.class
(type_definition
  type: (union_specifier body: (field_declaration_list) @body)
  . declarator: (type_identifier) @name) @definition.class
(type_definition
  type: (enum_specifier body: (enumerator_list) @body)
  . declarator: (type_identifier) @name) @definition.enum

(type_definition
  type: [
    (primitive_type)
    (sized_type_specifier)
    (type_identifier)
    (qualified_identifier)
    (template_type)
    (struct_specifier !body)
    (union_specifier !body)
    (enum_specifier !body)
  ]
  . declarator: [
    (type_identifier) @name
    (pointer_declarator declarator: (type_identifier) @name)
    (array_declarator declarator: (type_identifier) @name)
    (function_declarator declarator: (type_identifier) @name)
    (function_declarator
      declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))
  ]) @definition.type

(alias_declaration name: (type_identifier) @name) @definition.type
(template_declaration (concept_definition name: (identifier) @name) @definition.type) @outer

(namespace_definition
  name: [
    (namespace_identifier) @name
    (nested_namespace_specifier (namespace_identifier) @scope (namespace_identifier) @name)
    (nested_namespace_specifier
      (namespace_identifier) @scope
      (nested_namespace_specifier (namespace_identifier) @scope (namespace_identifier) @name))
  ]
  body: (declaration_list) @body) @definition.module

; A template header belongs to what it stands before.
(template_declaration
  [(function_definition) (declaration) (class_specifier) (struct_specifier) (alias_declaration)] @inner) @outer

; ---- constants and tables --------------------------------------------------------------------------------------------

; A macro without a value is an include guard or a switch.
(preproc_def name: (identifier) @name value: (preproc_arg)) @definition.constant

(declaration
  type: (_)
  . declarator: (init_declarator
    declarator: [
      (identifier) @name
      (array_declarator declarator: (identifier) @name)
      (array_declarator declarator: (array_declarator declarator: (identifier) @name))
      (pointer_declarator declarator: (identifier) @name)
      (pointer_declarator declarator: (array_declarator declarator: (identifier) @name))
      (reference_declarator (identifier) @name)
      (qualified_identifier scope: (namespace_identifier) @scope name: (identifier) @name)
      (array_declarator
        declarator: (qualified_identifier scope: (namespace_identifier) @scope name: (identifier) @name))
    ])) @definition.constant

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(call_expression
  function: [
    (identifier) @reference.call
    (field_expression field: (field_identifier) @reference.call)
    (field_expression field: (template_method name: (field_identifier) @reference.call))
    (template_function name: (identifier) @reference.call)
    (qualified_identifier name: (identifier) @reference.call)
    (qualified_identifier name: (template_function name: (identifier) @reference.call))
    (qualified_identifier name: (qualified_identifier name: (identifier) @reference.call))
    (qualified_identifier name: (qualified_identifier name: (template_function name: (identifier) @reference.call)))
  ]
  (#not-any-of? @reference.call "static_cast" "dynamic_cast" "const_cast" "reinterpret_cast"))

(_ type: (type_identifier) @reference.type)
(template_type name: (type_identifier) @reference.type)
(qualified_identifier name: (type_identifier) @reference.type)
(qualified_identifier scope: (namespace_identifier) @reference.name)
(base_class_clause (type_identifier) @reference.type)
(class_specifier name: (type_identifier) @reference.type !body)
(struct_specifier name: (type_identifier) @reference.type !body)
(union_specifier name: (type_identifier) @reference.type !body)
(enum_specifier name: (type_identifier) @reference.type !body)

; Functions handed on by name, tables, macros and constants. Plain lower-case words are nearly always local variables.
(qualified_identifier name: (identifier) @reference.name)
(argument_list (identifier) @reference.name (#match? @reference.name "_.|[A-Z]"))
(initializer_list (identifier) @reference.name (#match? @reference.name "_.|[A-Z]"))
(init_declarator value: (identifier) @reference.name (#match? @reference.name "_.|[A-Z]"))
(assignment_expression right: (identifier) @reference.name (#match? @reference.name "_.|[A-Z]"))
(pointer_expression argument: (identifier) @reference.name (#match? @reference.name "_.|[A-Z]"))
(return_statement (identifier) @reference.name (#match? @reference.name "_.|[A-Z]"))
(binary_expression (identifier) @reference.name (#match? @reference.name "^(k[A-Z][A-Za-z0-9]*|[A-Z][A-Z0-9_]*)$"))
(case_statement value: (identifier) @reference.name)
(preproc_ifdef name: (identifier) @reference.name)
(preproc_defined (identifier) @reference.name)

; ---- imports ---------------------------------------------------------------------------------------------------------

(preproc_include path: (_) @import.module) @import
(using_declaration (qualified_identifier scope: (_) @import.module name: (identifier) @import.name)) @import
(using_declaration "namespace" [(identifier) (qualified_identifier)] @import.module) @import
