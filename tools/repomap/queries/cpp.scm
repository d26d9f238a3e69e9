(class_specifier name: (type_identifier) @name body: (_)) @definition.class
(namespace_definition name: (namespace_identifier) @name) @definition.block
(function_definition declarator: (function_declarator declarator: (field_identifier) @name)) @definition.method
(function_definition
  declarator: (function_declarator declarator: (qualified_identifier name: (identifier) @name))) @definition.method
(function_definition
  declarator: (reference_declarator (function_declarator declarator: (identifier) @name))) @definition.function
(function_definition
  declarator: (pointer_declarator
    declarator: (function_declarator declarator: (qualified_identifier name: (identifier) @name))))
  @definition.method
(field_declaration declarator: (function_declarator declarator: (field_identifier) @name)) @definition.declaration

(qualified_identifier name: (identifier) @reference)
(template_function name: (identifier) @reference)
