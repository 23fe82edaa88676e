// Prints docs/methods.md from the rows of the registry.
Console.Write(Peft.Methods.MethodsDocument.Write());
