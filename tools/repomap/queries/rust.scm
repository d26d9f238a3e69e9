(struct_item name: (type_identifier) @name) @definition.class
(enum_item name: (type_identifier) @name) @definition.class
(union_item name: (type_identifier) @name) @definition.class
(type_item name: (type_identifier) @name) @definition.type
(trait_item name: (type_identifier) @name) @definition.interface
(impl_item type: (type_identifier) @name) @definition.block
(impl_item type: (generic_type type: (type_identifier) @name)) @definition.block
(function_item name: (identifier) @name) @definition.function
(function_signature_item name: (identifier) @name) @definition.method
(macro_definition name: (identifier) @name) @definition.function
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.constant

(call_expression function: (identifier) @reference)
(field_expression field: (field_identifier) @reference)
(scoped_identifier name: (identifier) @reference)
(scoped_use_list list: (use_list (identifier) @reference))
(macro_invocation macro: (identifier) @reference)
(type_identifier) @reference
