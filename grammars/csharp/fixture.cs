// Orders and what can be done with them.
using System;
//    ^^^^^^ import "System"
using static System.Math;
//           ^^^^^^^^^^^ import "System.Math"
using Json = Newtonsoft.Json.JsonConvert;
//           ^^^^^^^^^^^^^^^^^^^^^^^^^^^ import "Newtonsoft.Json.JsonConvert"

int Run(string[] arguments) => new Shop(arguments).Open();
//  ^^^ function Run
//                                 ^^^^ call
//                                                 ^^^^ call
Run(args);

namespace Shop.Orders
//        ^^^^^^^^^^^ module Shop.Orders
{
    /// <summary>Tells how an order changed.</summary>
    public delegate void OrderChanged(Order order, string reason = "🛒");
//                       ^^^^^^^^^^^^ type Shop.Orders.OrderChanged

    /// <summary>
    /// An order of one customer.
    /// </summary>
    [Serializable]
    public sealed class Order<T> : Entity<T>, IComparable where T : IItem, new()
//                      ^^^^^ class Shop.Orders.Order
//                                 ^^^^^^ type
//                                            ^^^^^^^^^^^ type
//                                                                  ^^^^^ type
    {
        public const int MaxItems = 100;
        private readonly List<T> _items = new List<T>();

        public Order(Customer customer) : base(customer)
//             ^^^^^ method Shop.Orders.Order.Order
//                   ^^^^^^^^ type
        {
            _items.Capacity = MaxItems;
//                            ^^^^^^^^ name
            Changed?.Invoke(this);
//                   ^^^^^^ call
        }

        ~Order() { Release(); }
//       ^^^^^ method Shop.Orders.Order.Order
//                 ^^^^^^^ call

        public int Count { get; private set; }
        public decimal Total => _items.Sum(PriceOf);
//                     ^^^^^ method Shop.Orders.Order.Total
//                                     ^^^ call
//                                         ^^^^^^^ name
        public string État
//                    ^^^^ method Shop.Orders.Order.État
        {
            get { return _state; }
            set { _state = Normalize(value); }
//                         ^^^^^^^^^ call
        }

        public T this[int index] { get { return _items[index]; } }
//               ^^^^ method Shop.Orders.Order.this
        public T this[string key] => Find(key);
//               ^^^^ method Shop.Orders.Order.this
        public event OrderChanged Changed { add { Subscribe(value); } remove { } }
//                                ^^^^^^^ method Shop.Orders.Order.Changed
        public static Order<T> operator +(Order<T> left, T right) => left.With(right);
//                                      ^ method Shop.Orders.Order.+
        public static implicit operator decimal(Order<T> order) { return order.Total; }
//                                      ^^^^^^^ method Shop.Orders.Order.decimal

        // Adds one item.
        [Audited("add")]
        public async Task<bool> Add<U>(U item, IList<Rule> rules = null) where U : T
//                              ^^^ method Shop.Orders.Order.Add doc="Adds one item."
//                                                   ^^^^ type
        {
            bool Allowed(Rule rule) { return rule.Check<U>(item); }
//                                                ^^^^^ call
            if (item is Gift gift) throw new OrderException(nameof(Gift));
//                      ^^^^ type
//                                           ^^^^^^^^^^^^^^ call
            try { await Store.SaveAsync(item as Stored); }
//                      ^^^^^ name
//                            ^^^^^^^^^ call
//                                              ^^^^^^ type
            catch (TimeoutException) { return Retry<U>(Policy.Default); }
//                 ^^^^^^^^^^^^^^^^ type
//                                            ^^^^^ call
//                                                     ^^^^^^ name
            return rules.All(Allowed);
        }

        public Task Add(T item) => Add<T>(item);
//                  ^^^ method Shop.Orders.Order.Add

        int IComparable.CompareTo(object other) { return Compare((Order<T>)other); }
//                      ^^^^^^^^^ method Shop.Orders.Order.CompareTo
        partial void OnAdded();

        private struct Line { public int Number; public int Twice() => Number * 2; }
//                     ^^^^ class Shop.Orders.Order.Line
//                                                          ^^^^^ method Shop.Orders.Order.Line.Twice
    }

    public interface IItem
//                   ^^^^^ interface Shop.Orders.IItem
    {
        decimal Price { get; }
        void Reserve();
        string Label() { return Price.ToString(); }
//             ^^^^^ method Shop.Orders.IItem.Label
    }

    public enum State : byte { New, Paid, Sent }
//              ^^^^^ enum Shop.Orders.State

    /// <summary>A place.</summary>
    public record Address(string Street, City City);
//                ^^^^^^^ class Shop.Orders.Address doc="A place."
    public record struct Box(int Width) { public int Area() => Pow(Width, 2); }
//                       ^^^ class Shop.Orders.Box
//                                                   ^^^^ method Shop.Orders.Box.Area
}
