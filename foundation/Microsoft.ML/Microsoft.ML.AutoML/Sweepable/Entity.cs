namespace Microsoft.ML.AutoML;

/// <summary>An expression over the steps of a pipeline: <c>a * b</c> is b after a, <c>a + b</c> a choice.</summary>
public abstract class Entity
{
    public Entity()
    {
    }

    public Entity Left { get; set; }

    public Entity Right { get; set; }

    public static Entity FromExpression(string expression) => new EntityParser(expression).Parse();

    public static Entity operator +(Entity left, Entity right) => new OneOfEntity { Left = left, Right = right };

    public static Entity operator *(Entity left, Entity right) => new ConcatenateEntity { Left = left, Right = right };

    /// <summary>The names in it, from left to right.</summary>
    internal virtual IEnumerable<string> Names => Left.Names.Concat(Right.Names);

    /// <summary>The same expression over other names.</summary>
    internal virtual Entity Renamed(Func<string, string> name) => throw new NotSupportedException($"{GetType()} is no expression of this library");

    /// <summary>Choices outermost: a sum of products.</summary>
    internal virtual Entity Expanded() => this;

    /// <summary>The pipelines that it can become, in the order of the expanded sum.</summary>
    internal IEnumerable<Entity> Terms() => Summands(Expanded());

    private static IEnumerable<Entity> Summands(Entity entity) =>
        entity is OneOfEntity ? Summands(entity.Left).Concat(Summands(entity.Right)) : [entity];
}

/// <summary>One of two.</summary>
internal sealed class OneOfEntity : Entity
{
    internal override Entity Renamed(Func<string, string> name) => Left.Renamed(name) + Right.Renamed(name);

    internal override Entity Expanded() => Left.Expanded() + Right.Expanded();

    public override string ToString() => $"{Left} + {Right}";
}

/// <summary>One after the other.</summary>
internal sealed class ConcatenateEntity : Entity
{
    internal override Entity Renamed(Func<string, string> name) => Left.Renamed(name) * Right.Renamed(name);

    internal override Entity Expanded() => Product(Left.Expanded(), Right.Expanded());

    private static Entity Product(Entity a, Entity b) => (a, b) switch
    {
        (OneOfEntity, OneOfEntity) => Product(a.Left, b.Left) + Product(a.Left, b.Right) + Product(a.Right, b.Left) + Product(a.Right, b.Right),
        (OneOfEntity, _) => Product(a.Left, b) + Product(a.Right, b),
        (_, OneOfEntity) => Product(a, b.Left) + Product(a, b.Right),
        _ => a * b,
    };

    public override string ToString() => $"{Factor(Left)} * {Factor(Right)}";

    private static string Factor(Entity entity) => entity is OneOfEntity ? $"({entity})" : entity.ToString();
}

/// <summary>A step, by name.</summary>
internal sealed class NameEntity(string name) : Entity
{
    internal override IEnumerable<string> Names => [name];

    internal override Entity Renamed(Func<string, string> rename) => new NameEntity(rename(name));

    public override string ToString() => name;
}
