# What the project of `gwport new --mix` uses of Plug 1.20's router and of plug_cowboy 2.7, for where hex cannot be
# reached. The conn, its functions and the server below are those of gwport_plug's own tests (gwport_plug_host).
defmodule Plug.Router do
  defmacro __using__(_) do
    quote do
      import Plug.Router
      import Plug.Conn
      Module.register_attribute(__MODULE__, :forwards, accumulate: true)
      @before_compile Plug.Router
      def init(options), do: options
    end
  end

  # :match, :dispatch
  defmacro plug(name) when is_atom(name), do: nil

  # As in Plug the options are checked when the router is compiled.
  defmacro forward(path, to: target, init_opts: options) do
    quote bind_quoted: [path: path, target: target, options: options] do
      @forwards {String.split(path, "/", trim: true), target, target.init(options)}
    end
  end

  defmacro match({:_, _, _}, do: block) do
    quote do
      defp otherwise(var!(conn)), do: unquote(block)
    end
  end

  defmacro __before_compile__(_) do
    quote do
      def call(conn, _), do: Plug.Router.route(conn, @forwards, &otherwise/1)
    end
  end

  def route(conn = %{path_info: path, script_name: script}, forwards, otherwise) do
    case Enum.find(forwards, fn {prefix, _, _} -> List.starts_with?(path, prefix) end) do
      nil ->
        otherwise.(conn)

      {prefix, target, options} ->
        below = Enum.drop(path, length(prefix))
        target.call(%{conn | path_info: below, script_name: script ++ prefix}, options)
    end
  end
end

defmodule Plug.Cowboy do
  def child_spec(scheme: :http, plug: plug, options: options) do
    {protocol, [ref: ref, port: port]} = Keyword.pop!(options, :protocol_options)
    host = %{plugs: [{plug, plug.init([])}], server: :cowboy}
    dispatch = :cowboy_router.compile([{:_, [{:_, :gwport_plug_host, host}]}])
    protocol = Enum.into(protocol, %{env: %{dispatch: dispatch}})
    transport = %{socket_opts: [port: port]}
    spec = :ranch.child_spec(ref, :ranch_tcp, transport, :cowboy_clear, protocol)
    # An older ranch has a tuple.
    Supervisor.child_spec(spec, [])
  end
end
