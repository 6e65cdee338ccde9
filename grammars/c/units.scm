; C. Patterns match at any depth, because unbalanced #ifdef blocks often put top-level code below an ERROR node; what is
; inside a function belongs to that function anyway. Names sit at the bottom of declarators, so each nesting of
; pointers that occurs in practice is spelled out.

; ---- functions -------------------------------------------------------------------------------------------------------

(function_definition
  declarator: [
    (function_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
    (pointer_declarator
      declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
    ; TEST_IMPL(name) { … }
    (parenthesized_declarator (identifier) @name)
    ; int f PARAMS((int a)) { … } and int (f)(int a) { … }
    (function_declarator declarator: (parenthesized_declarator (identifier) @name))
    ; int (*f(int a))(int) { … }
    (function_declarator
      declarator: (parenthesized_declarator
        (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))))
  ]
  body: (compound_statement) @body) @definition.function

; A prototype that is not static is what a header offers; a static one only announces a function of the same file.
((declaration
  declarator: [
    (function_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
    (pointer_declarator
      declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
  ]) @definition.function
  (#not-match? @definition.function "^static"))

; Below an ERROR node prototypes may be taken for members of a struct.
(ERROR
  (field_declaration
    declarator: [
      (function_declarator declarator: (field_identifier) @name)
      (pointer_declarator declarator: (function_declarator declarator: (field_identifier) @name))
    ]) @definition.function)

(preproc_function_def name: (identifier) @name value: (preproc_arg) @body) @definition.function

; ---- types -----------------------------------------------------------------------------------------------------------

; `struct s { … };` only: as a part of a longer declaration it belongs to that.
((struct_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @definition.class . ";")
((union_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @definition.class . ";")
((enum_specifier name: (type_identifier) @name body: (enumerator_list) @body) @definition.enum . ";")

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
    (pointer_declarator
      declarator: (function_declarator
        declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name))))
  ]) @definition.type

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
    ])) @definition.constant

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (field_identifier) @reference.call))

(_ type: (type_identifier) @reference.type)
(struct_specifier name: (type_identifier) @reference.type !body)
(union_specifier name: (type_identifier) @reference.type !body)
(enum_specifier name: (type_identifier) @reference.type !body)

; Functions handed on by name, tables, macros and constants. Plain lower-case words are nearly always local variables.
(argument_list (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(initializer_list (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(initializer_pair value: (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(init_declarator value: (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(assignment_expression right: (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(pointer_expression argument: (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(return_statement (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(binary_expression (identifier) @reference.name (#match? @reference.name "^[A-Z][A-Z0-9_]*$"))
(case_statement value: (identifier) @reference.name)
(conditional_expression (identifier) @reference.name (#match? @reference.name "^[A-Z][A-Z0-9_]*$"))
(array_declarator size: (identifier) @reference.name)
(subscript_expression index: (identifier) @reference.name (#match? @reference.name "^[A-Z][A-Z0-9_]*$"))
(preproc_ifdef name: (identifier) @reference.name)
(preproc_defined (identifier) @reference.name)

; ---- imports ---------------------------------------------------------------------------------------------------------

(preproc_include path: (_) @import.module) @import
